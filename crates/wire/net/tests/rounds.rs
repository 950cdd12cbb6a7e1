//! What the meter counts.

use std::thread;

use veilflow_net::{Channel, Meter, memory_pair};

/// Runs the two parties, each in a thread, and returns their meters.
fn run(p0: impl FnOnce(&mut Channel) + Send, p1: impl FnOnce(&mut Channel) + Send) -> [Meter; 2] {
    let (mut a, mut b) = memory_pair();
    thread::scope(|scope| {
        let first = scope.spawn(move || {
            p0(&mut a);
            a.meter()
        });
        p1(&mut b);
        [first.join().unwrap(), b.meter()]
    })
}

fn say(channel: &mut Channel, len: usize) {
    channel.send(&vec![1; len]).unwrap();
    channel.flush().unwrap();
}

fn hear(channel: &mut Channel, len: usize) {
    assert_eq!(channel.recv_vec(len).unwrap(), vec![1; len]);
}

fn exchange(channel: &mut Channel, len: usize) {
    say(channel, len);
    hear(channel, len);
}

#[test]
fn nothing_costs_nothing() {
    let idle = |channel: &mut Channel| {
        channel.send(&[]).unwrap();
        channel.flush().unwrap();
        channel.recv(&mut []).unwrap();
    };
    assert_eq!(run(idle, idle), [Meter::default(); 2]);
}

#[test]
fn a_ping_and_a_pong_are_two_rounds() {
    let n = 10;
    let meters = run(
        |channel| {
            for _ in 0..n {
                say(channel, 3);
                hear(channel, 5);
            }
        },
        |channel| {
            for _ in 0..n {
                hear(channel, 3);
                say(channel, 5);
            }
        },
    );
    let rounds = 2 * n;
    assert_eq!(meters[0], Meter { sent: 3 * n, received: 5 * n, rounds });
    assert_eq!(meters[1], Meter { sent: 5 * n, received: 3 * n, rounds });
}

#[test]
fn a_simultaneous_exchange_is_one_round() {
    let party = |channel: &mut Channel| (0..7).for_each(|_| exchange(channel, 4));
    assert_eq!(run(party, party), [Meter { sent: 28, received: 28, rounds: 7 }; 2]);
}

#[test]
fn messages_that_wait_for_nothing_are_one_round_whatever_their_number_and_size() {
    let len = 600_000;
    let meters = run(
        |channel| (0..3).for_each(|_| say(channel, len)),
        |channel| (0..3).for_each(|_| hear(channel, len)),
    );
    assert_eq!(meters.map(|meter| meter.rounds), [1, 1]);
    assert_eq!(meters.map(|meter| meter.bytes()), [3 * len as u64; 2]);
}

#[test]
fn a_buffered_message_counts_before_it_is_flushed() {
    let (mut a, _b) = memory_pair();
    a.send(&[1, 2, 3]).unwrap();
    assert_eq!(a.meter(), Meter { sent: 3, received: 0, rounds: 1 });
}

#[test]
fn snapshots_give_the_cost_of_a_part() {
    run(
        |channel| {
            exchange(channel, 4);
            let before = channel.meter();
            exchange(channel, 6);
            exchange(channel, 6);
            assert_eq!(channel.meter().since(&before), Meter { sent: 12, received: 12, rounds: 2 });
        },
        |channel| [4, 6, 6].into_iter().for_each(|len| exchange(channel, len)),
    );
}

/// The children run one after another, yet neither waits for the other.
#[test]
fn forks_add_bytes_and_overlap_rounds() {
    let party = |channel: &mut Channel| {
        exchange(channel, 1);
        let mut long = channel.fork().unwrap();
        let mut short = channel.fork().unwrap();
        assert_eq!(long.meter(), Meter { sent: 0, received: 0, rounds: 1 });
        (0..5).for_each(|_| exchange(&mut long, 10));
        (0..2).for_each(|_| exchange(&mut short, 100));
        assert_eq!((long.meter().rounds, short.meter().rounds), (6, 3));
        channel.join(short);
        channel.join(long);
        exchange(channel, 1);
    };
    assert_eq!(run(party, party), [Meter { sent: 252, received: 252, rounds: 7 }; 2]);
}

#[test]
fn a_fork_depends_on_what_its_parent_received() {
    let meters = run(
        |channel| {
            say(channel, 1);
            let mut child = channel.fork().unwrap();
            hear(&mut child, 1);
            channel.join(child);
        },
        |channel| {
            hear(channel, 1);
            let mut child = channel.fork().unwrap();
            say(&mut child, 1);
            channel.join(child);
        },
    );
    assert_eq!(meters.map(|meter| meter.rounds), [2, 2]);
}

#[test]
fn what_was_sent_before_a_join_does_not_depend_on_the_child() {
    let meters = run(
        |channel| {
            let mut child = channel.fork().unwrap();
            channel.send(&[1]).unwrap();
            (0..4).for_each(|_| exchange(&mut child, 1));
            channel.join(child);
        },
        |channel| {
            let mut child = channel.fork().unwrap();
            (0..4).for_each(|_| exchange(&mut child, 1));
            hear(channel, 1);
            assert_eq!((channel.meter().rounds, child.meter().rounds), (1, 4));
            channel.join(child);
        },
    );
    assert_eq!(meters.map(|meter| meter.rounds), [4, 4]);
}

#[test]
fn a_join_flushes_the_child() {
    run(
        |channel| {
            let mut child = channel.fork().unwrap();
            child.send(&[1; 9]).unwrap();
            channel.join(child);
        },
        |channel| hear(&mut channel.fork().unwrap(), 9),
    );
}

#[test]
fn forks_of_forks_are_connected_in_order_and_run_in_parallel() {
    let party = |channel: &mut Channel| {
        let mut children: Vec<_> = (0..3).map(|_| channel.fork().unwrap()).collect();
        thread::scope(|scope| {
            for (i, child) in children.iter_mut().enumerate() {
                scope.spawn(move || {
                    let mut grandchildren = [child.fork().unwrap(), child.fork().unwrap()];
                    for (j, grandchild) in grandchildren.iter_mut().enumerate() {
                        grandchild.send(&[i as u8, j as u8]).unwrap();
                        assert_eq!(grandchild.recv_vec(2).unwrap(), [i as u8, j as u8]);
                    }
                    grandchildren.into_iter().for_each(|grandchild| child.join(grandchild));
                });
            }
        });
        children.into_iter().for_each(|child| channel.join(child));
    };
    assert_eq!(run(party, party), [Meter { sent: 12, received: 12, rounds: 1 }; 2]);
}
