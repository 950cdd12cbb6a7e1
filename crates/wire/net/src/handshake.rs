//! Agreement on what is about to run.
//!
//! Each side sends its hello before it reads the peer's, so both learn of a difference. It takes one round.
//! It binds honest parties to the same run; it does not authenticate the peer.
//!
//! | field | size |
//! |---|---|
//! | magic | 8 bytes |
//! | protocol version | u32 |
//! | length of the rest | u32, at most [`MAX_BODY`] |
//! | role | u8, 0 or 1 |
//! | plan hash | 32 bytes |
//! | parameters | u8 count, at most [`MAX_PARAMETERS`], then name and value of each |
//!
//! Numbers are little-endian, and a string is a u16 length and UTF-8. The first three fields never change, so
//! that versions that differ can tell each other so.

use crate::{Channel, NetError, Result, Role};

/// The version of everything that goes on the wire; parties of different versions do not run together.
pub const PROTOCOL_VERSION: u32 = 2;

const MAGIC: [u8; 8] = *b"VFHELLO\n";
const HEAD_LEN: usize = 16;
const MAX_BODY: usize = 16 << 10;
const MAX_PARAMETERS: usize = 64;

/// What both sides must have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    version: u32,
    /// The hash of the public plan.
    pub plan_hash: [u8; 32],
    /// Names and values of whatever else must agree, such as the supplier of correlations, the number of
    /// threads, or a security parameter. Their order does not matter.
    pub parameters: Vec<(String, String)>,
}

impl Hello {
    /// A hello for the plan of this hash, with no parameters.
    pub fn new(plan_hash: [u8; 32]) -> Self {
        Self { version: PROTOCOL_VERSION, plan_hash, parameters: Vec::new() }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.parameters.push((name.into(), value.to_string()));
        self
    }

    fn encode(&self, role: Role) -> Result<Vec<u8>> {
        let too_large = |what: String| NetError::HelloTooLarge { what };
        let mut body = vec![role.index() as u8];
        body.extend_from_slice(&self.plan_hash);
        let count = self.parameters.len();
        if count > MAX_PARAMETERS {
            return Err(too_large(format!("{count} parameters, at most {MAX_PARAMETERS} are allowed")));
        }
        body.push(count as u8);
        for text in self.parameters.iter().flat_map(|(name, value)| [name, value]) {
            let len = u16::try_from(text.len())
                .map_err(|_| too_large(format!("a text of {} bytes", text.len())))?;
            body.extend_from_slice(&len.to_le_bytes());
            body.extend_from_slice(text.as_bytes());
        }
        if body.len() > MAX_BODY {
            return Err(too_large(format!("{} bytes, at most {MAX_BODY} are allowed", body.len())));
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    /// An error that names the first difference.
    fn compare(&self, role: Role, peer: &Peer) -> Result<()> {
        if peer.role == role {
            return Err(NetError::SameRole { role });
        }
        if self.plan_hash != peer.plan_hash {
            return differ("plan hash", short_hex(&self.plan_hash), short_hex(&peer.plan_hash));
        }
        let ours = sorted(&self.parameters);
        let theirs = sorted(&peer.parameters);
        for (name, _) in ours.iter().chain(&theirs) {
            let (ours, theirs) = (values_of(name, &ours), values_of(name, &theirs));
            if ours != theirs {
                return differ(&format!("parameter {name:?}"), ours, theirs);
            }
        }
        Ok(())
    }
}

/// Makes sure that the peer runs the same protocol version and plan, with the same parameters, in the other
/// role. Both sides call it first on a new channel.
///
/// # Errors
/// [`NetError::Mismatch`] names the first thing that differs, with both values, on both sides;
/// [`NetError::SameRole`]; [`NetError::Malformed`] when the peer's bytes are no hello;
/// [`NetError::HelloTooLarge`] for ours; and those of [`Channel::recv`].
pub fn handshake(channel: &mut Channel, role: Role, hello: &Hello) -> Result<()> {
    channel.send(&hello.encode(role)?)?;
    let mut head = [0; HEAD_LEN];
    channel.recv(&mut head)?;
    let [m @ .., v0, v1, v2, v3, l0, l1, l2, l3] = head;
    if m != MAGIC {
        return Err(NetError::malformed("it does not start with a hello"));
    }
    let version = u32::from_le_bytes([v0, v1, v2, v3]);
    if hello.version != version {
        return differ("protocol version", hello.version.to_string(), version.to_string());
    }
    let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if len > MAX_BODY {
        return Err(NetError::malformed(format!("a hello of {len} bytes; at most {MAX_BODY} are allowed")));
    }
    hello.compare(role, &Peer::decode(&channel.recv_vec(len)?)?)
}

/// What the peer says in its hello.
struct Peer {
    role: Role,
    plan_hash: [u8; 32],
    parameters: Vec<(String, String)>,
}

impl Peer {
    fn decode(bytes: &[u8]) -> Result<Self> {
        let mut rest = bytes;
        let role = match take::<1>(&mut rest)? {
            [0] => Role::P0,
            [1] => Role::P1,
            [other] => return Err(NetError::malformed(format!("a hello of the unknown role {other}"))),
        };
        let plan_hash = take(&mut rest)?;
        let [count] = take(&mut rest)?;
        if usize::from(count) > MAX_PARAMETERS {
            let what = format!("a hello of {count} parameters; at most {MAX_PARAMETERS} are allowed");
            return Err(NetError::malformed(what));
        }
        let mut parameters = Vec::new();
        for _ in 0..count {
            parameters.push((take_text(&mut rest)?, take_text(&mut rest)?));
        }
        if !rest.is_empty() {
            return Err(NetError::malformed("a hello with bytes left over"));
        }
        Ok(Self { role, plan_hash, parameters })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    let cut = || NetError::malformed("a hello cut short");
    let (bytes, later) = rest.split_first_chunk().ok_or_else(cut)?;
    *rest = later;
    Ok(*bytes)
}

fn take_text(rest: &mut &[u8]) -> Result<String> {
    let len = usize::from(u16::from_le_bytes(take(rest)?));
    let (bytes, later) =
        rest.split_at_checked(len).ok_or_else(|| NetError::malformed("a hello cut short"))?;
    *rest = later;
    String::from_utf8(bytes.to_vec()).map_err(|_| NetError::malformed("a hello with text that is not UTF-8"))
}

fn differ(what: &str, ours: String, theirs: String) -> Result<()> {
    Err(NetError::Mismatch { what: what.to_owned(), ours, theirs })
}

fn sorted(parameters: &[(String, String)]) -> Vec<(String, String)> {
    let mut sorted = parameters.to_vec();
    sorted.sort();
    sorted
}

/// The values of a parameter, quoted: the peer's text may hold anything.
fn values_of(name: &str, parameters: &[(String, String)]) -> String {
    let values: Vec<_> =
        parameters.iter().filter(|(other, _)| other == name).map(|(_, value)| format!("{value:?}")).collect();
    if values.is_empty() { "absent".to_owned() } else { values.join(", ") }
}

/// Eight bytes are enough to tell plans apart by eye.
fn short_hex(hash: &[u8; 32]) -> String {
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::memory_pair;

    fn hello() -> Hello {
        Hello::new([0xab; 32]).with("supplier", "ot").with("threads", 2)
    }

    /// What each side makes of the two hellos.
    fn meet(hellos: [Hello; 2], roles: [Role; 2]) -> [Result<()>; 2] {
        let (mut a, mut b) = memory_pair();
        thread::scope(|scope| {
            let peer = scope.spawn(|| handshake(&mut b, roles[1], &hellos[1]));
            [handshake(&mut a, roles[0], &hellos[0]), peer.join().unwrap()]
        })
    }

    /// Both sides must name `what`, each with its own value first.
    fn assert_differ(theirs: Hello, what: &str, values: [&str; 2]) {
        let outcomes = meet([hello(), theirs], [Role::P0, Role::P1]);
        let error = |ours: &str, theirs: &str| differ(what, ours.to_owned(), theirs.to_owned());
        assert_eq!(outcomes, [error(values[0], values[1]), error(values[1], values[0])]);
    }

    #[test]
    fn equal_hellos_agree_in_one_round_whatever_the_order_of_parameters() {
        let reordered = Hello::new([0xab; 32]).with("threads", 2).with("supplier", "ot");
        assert_eq!(meet([hello(), reordered], [Role::P0, Role::P1]), [Ok(()), Ok(())]);
        assert_eq!(meet([hello(), hello()], [Role::P1, Role::P0]), [Ok(()), Ok(())]);

        let (mut a, mut b) = memory_pair();
        thread::scope(|scope| {
            scope.spawn(|| handshake(&mut a, Role::P0, &hello()).unwrap());
            handshake(&mut b, Role::P1, &hello()).unwrap();
        });
        assert_eq!((a.meter().rounds, b.meter().rounds), (1, 1));
    }

    #[test]
    fn each_difference_is_named_on_both_sides() {
        assert_differ(
            Hello { version: 7, ..hello() },
            "protocol version",
            [&PROTOCOL_VERSION.to_string(), "7"],
        );
        let mut plan_hash = [0xab; 32];
        plan_hash[7] = 0xcd;
        let other = Hello { plan_hash, ..hello() };
        assert_differ(other, "plan hash", ["abababababababab", "abababababababcd"]);
        let changed = Hello::new([0xab; 32]).with("supplier", "he").with("threads", 2);
        assert_differ(changed, r#"parameter "supplier""#, [r#""ot""#, r#""he""#]);
        let missing = Hello::new([0xab; 32]).with("supplier", "ot");
        assert_differ(missing, r#"parameter "threads""#, [r#""2""#, "absent"]);
        let added = hello().with("kappa", 128);
        assert_differ(added, r#"parameter "kappa""#, ["absent", r#""128""#]);
        let repeated = hello().with("threads", 3);
        assert_differ(repeated, r#"parameter "threads""#, [r#""2""#, r#""2", "3""#]);
    }

    #[test]
    fn plans_that_differ_beyond_the_bytes_shown_differ() {
        let mut other = hello();
        other.plan_hash[31] ^= 1;
        let outcomes = meet([hello(), other], [Role::P0, Role::P1]);
        for outcome in outcomes {
            assert!(matches!(outcome, Err(NetError::Mismatch { what, .. }) if what == "plan hash"));
        }
    }

    #[test]
    fn one_role_for_both_is_an_error() {
        for role in [Role::P0, Role::P1] {
            let error = Err(NetError::SameRole { role });
            assert_eq!(meet([hello(), hello()], [role; 2]), [error.clone(), error]);
        }
    }

    #[test]
    fn control_characters_of_the_peer_do_not_reach_the_terminal() {
        let rude = Hello::new([0xab; 32]).with("\u{1b}[2J", "\u{7}");
        let outcomes = meet([Hello::new([0xab; 32]), rude], [Role::P0, Role::P1]);
        let message = outcomes[0].as_ref().unwrap_err().to_string();
        assert!(!message.contains(char::is_control), "{message:?}");
    }

    #[test]
    fn a_hello_beyond_the_limits_is_refused_before_it_is_sent() {
        let (mut channel, _peer) = memory_pair();
        let long = hello().with("long", "x".repeat(MAX_BODY));
        let huge = hello().with("huge", "x".repeat(1 << 16));
        let many = (0..MAX_PARAMETERS).fold(hello(), |hello, n| hello.with(n.to_string(), n));
        for hello in [long, huge, many] {
            let outcome = handshake(&mut channel, Role::P0, &hello);
            assert!(matches!(outcome, Err(NetError::HelloTooLarge { .. })), "{outcome:?}");
        }
        assert_eq!(channel.meter().sent, 0);
    }

    #[test]
    fn garbage_in_place_of_a_hello_is_an_error() {
        let good = hello().encode(Role::P1).unwrap();
        let body = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            change(&mut bytes);
            bytes
        };
        let cases = [
            ("no magic", vec![b'x'; HEAD_LEN]),
            ("huge length", body(&|bytes| bytes[12..16].fill(0xff))),
            ("no body", body(&|bytes| bytes[12..16].fill(0))),
            ("unknown role", body(&|bytes| bytes[HEAD_LEN] = 2)),
            ("too many parameters", body(&|bytes| bytes[HEAD_LEN + 33] = 255)),
            ("one parameter too many", body(&|bytes| bytes[HEAD_LEN + 33] += 1)),
            ("one parameter too few", body(&|bytes| bytes[HEAD_LEN + 33] -= 1)),
            ("text beyond the end", body(&|bytes| bytes[HEAD_LEN + 34] = 0xff)),
            ("not UTF-8", body(&|bytes| bytes[HEAD_LEN + 36] = 0xff)),
        ];
        for (case, bytes) in cases {
            let (mut channel, mut peer) = memory_pair();
            peer.send(&bytes).unwrap();
            peer.flush().unwrap();
            let outcome = handshake(&mut channel, Role::P0, &hello());
            assert!(matches!(outcome, Err(NetError::Malformed { .. })), "{case}: {outcome:?}");
        }
    }
}
