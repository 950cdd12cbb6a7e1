//! Channels within one process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::link::Link;
use crate::queue::Queue;
use crate::{Channel, LinkOptions, NetError, Result, Role, Transport};

/// Two connected channels in memory: index 0 for [`Role::P0`], index 1 for [`Role::P1`].
pub fn memory_pair() -> (Channel, Channel) {
    connect([Link::unshaped(), Link::unshaped()])
}

/// As [`memory_pair`], with a deadline and a link to simulate.
///
/// # Errors
/// [`NetError::Shape`] when the link is impossible.
pub fn memory_pair_with(options: &LinkOptions) -> Result<(Channel, Channel)> {
    let (mut p0, mut p1) = connect([Link::new(options)?, Link::new(options)?]);
    p0.set_timeout(options.timeout);
    p1.set_timeout(options.timeout);
    Ok((p0, p1))
}

fn connect(links: [Link; 2]) -> (Channel, Channel) {
    let [p0, p1] = MemoryTransport::pair(&links);
    (Channel::new(Box::new(p0)), Channel::new(Box::new(p1)))
}

struct MemoryTransport {
    role: Role,
    links: [Link; 2],
    outgoing: Arc<Queue>,
    incoming: Arc<Queue>,
    /// The frame being read, and how much of it has been.
    current: Vec<u8>,
    read: usize,
    forks: Arc<Mutex<Forks>>,
}

/// The ends of children whose owner has not forked yet, by role.
#[derive(Default)]
struct Forks {
    unclaimed: [VecDeque<MemoryTransport>; 2],
    gone: [bool; 2],
}

impl MemoryTransport {
    fn pair(links: &[Link; 2]) -> [Self; 2] {
        let queues = links.each_ref().map(|link| Arc::new(Queue::new(link.clone())));
        let forks = Arc::<Mutex<Forks>>::default();
        [Role::P0, Role::P1].map(|role| Self {
            role,
            links: links.clone(),
            outgoing: queues[role.index()].clone(),
            incoming: queues[role.other().index()].clone(),
            current: Vec::new(),
            read: 0,
            forks: forks.clone(),
        })
    }
}

impl Transport for MemoryTransport {
    fn write(&mut self, frame: Vec<u8>, timeout: Duration) -> Result<()> {
        self.outgoing.push(frame, timeout)
    }

    fn read(&mut self, out: &mut [u8], timeout: Duration) -> Result<usize> {
        while self.read == self.current.len() {
            self.current = self.incoming.pop(timeout)?;
            self.read = 0;
        }
        let rest = &self.current[self.read..];
        let n = rest.len().min(out.len());
        out[..n].copy_from_slice(&rest[..n]);
        self.read += n;
        Ok(n)
    }

    fn fork(&mut self, _timeout: Duration) -> Result<Box<dyn Transport>> {
        let mut forks = self.forks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(child) = forks.unclaimed[self.role.index()].pop_front() {
            return Ok(Box::new(child));
        }
        let peer = self.role.other().index();
        if forks.gone[peer] {
            return Err(NetError::Closed);
        }
        let [p0, p1] = Self::pair(&self.links);
        let (ours, theirs) = match self.role {
            Role::P0 => (p0, p1),
            Role::P1 => (p1, p0),
        };
        forks.unclaimed[peer].push_back(theirs);
        Ok(Box::new(ours))
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        self.outgoing.end();
        self.incoming.hang_up();
        // Children that only we could have claimed close with us; they are dropped outside of the lock.
        let _orphans = {
            let mut forks = self.forks.lock().unwrap_or_else(PoisonError::into_inner);
            forks.gone[self.role.index()] = true;
            std::mem::take(&mut forks.unclaimed[self.role.index()])
        };
    }
}
