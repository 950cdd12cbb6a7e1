//! The two parties of a benchmark: processes of this program on loopback.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use veilflow_exec::{Connect, Links, Phase, peak_rss_bytes};
use veilflow_net::{LinkOptions, Role, TcpAcceptor, tcp_connect_with};

use crate::measured::Measured;
use crate::options::{HelperAddress, RunOptions};
use crate::output::print_json;
use crate::process::{HelperProcess, Party};

/// A party that is silent for so long has failed.
const TIMEOUT: Duration = Duration::from_secs(300);

/// What a party says at the end.
#[derive(Serialize, Deserialize)]
struct PartyReport {
    offline: Phase,
    online: Phase,
    peak_rss_bytes: u64,
    /// At P1, which learns the result.
    exact: Option<bool>,
}

/// Starts a server and a client, and a helper if it is to supply them, the parties by these `arguments` to
/// this program, and measures them.
pub(crate) fn measure(mut arguments: Vec<String>, options: &RunOptions) -> Result<Measured> {
    arguments.extend(options.arguments());
    let mut helper = HelperProcess::start(options, 1)?;
    arguments.extend(helper.iter().map(HelperProcess::argument));
    let mut server = Party::start("server", &arguments)?;
    arguments.push(format!("--connect={}", server.address()?));
    let mut client = Party::start("client", &arguments)?;
    let [theirs, ours]: [PartyReport; 2] = [client.read()?, server.read()?];
    client.finish()?;
    server.finish()?;
    let helped = helper.as_mut().map(HelperProcess::report).transpose()?;
    helper.map(HelperProcess::finish).transpose()?;
    Ok(Measured::new(
        options,
        [[ours.offline, theirs.offline], [ours.online, theirs.online]],
        ours.peak_rss_bytes.max(theirs.peak_rss_bytes),
        theirs.exact == Some(true),
        helped.as_ref(),
    ))
}

/// In a party: connects to the other, and later to a helper if there is one. Without an address this is P0,
/// which says where it listens.
pub(crate) fn meet<'a>(
    address: Option<&str>,
    helper: &'a HelperAddress,
    options: &RunOptions,
) -> Result<(Role, Links<'a>)> {
    let shape = options.link.shape().filter(|_| options.shape);
    let link = LinkOptions { timeout: TIMEOUT, shape, ..LinkOptions::default() };
    let (role, channel) = match address {
        Some(address) => (Role::P1, tcp_connect_with(address, TIMEOUT, &link)?),
        None => {
            let acceptor = TcpAcceptor::bind("127.0.0.1:0")?;
            print_json(&serde_json::json!({ "listening": acceptor.local_addr().to_string() }))?;
            (Role::P0, acceptor.accept_with(TIMEOUT, &link)?)
        }
    };
    let Some(address) = helper.helper.as_deref() else { return Ok((role, channel.into())) };
    let helper: Connect<'_> = Box::new(move || tcp_connect_with(address, TIMEOUT, &link));
    Ok((role, Links { helper: Some(helper), ..channel.into() }))
}

/// In a party: reports to the process that started it.
pub(crate) fn report([offline, online]: [Phase; 2], exact: Option<bool>) -> Result<()> {
    print_json(&PartyReport { offline, online, peak_rss_bytes: peak_rss_bytes(), exact })
}
