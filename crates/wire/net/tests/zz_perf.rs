#![allow(missing_docs, clippy::print_stdout)]
use std::{thread, time::*};
use veilflow_net::*;
fn tcp(o: &LinkOptions) -> (Channel, Channel) {
    let a = TcpAcceptor::bind("127.0.0.1:0").unwrap();
    let c = tcp_connect_with(a.local_addr(), Duration::from_secs(5), o).unwrap();
    (a.accept_with(Duration::from_secs(5), o).unwrap(), c)
}
fn bench(name: &str, (mut a, mut b): (Channel, Channel), n: usize) {
    let t = Instant::now();
    thread::scope(|s| {
        s.spawn(|| {
            for _ in 0..n {
                a.send(&[1; 64]).unwrap();
                a.recv_vec(64).unwrap();
            }
        });
        for _ in 0..n {
            b.recv_vec(64).unwrap();
            b.send(&[1; 64]).unwrap();
            b.flush().unwrap();
        }
    });
    println!("{name} rtt {:?}", t.elapsed() / n as u32);
    let mb = 256usize;
    let chunk = vec![1u8; 1 << 20];
    let t = Instant::now();
    thread::scope(|s| {
        s.spawn(|| {
            for _ in 0..mb {
                a.send(&chunk).unwrap();
            }
            a.flush().unwrap();
        });
        let mut o = vec![0u8; 1 << 20];
        for _ in 0..mb {
            b.recv(&mut o).unwrap();
        }
    });
    println!("{name} one way {:.0} MB/s", mb as f64 * 1.048576 / t.elapsed().as_secs_f64());
}
#[test]
fn perf() {
    let o = LinkOptions::default();
    bench("mem", memory_pair(), 10000);
    bench("tcp", tcp(&o), 10000);
    let o = LinkOptions { shape: Some(LinkShape::lan()), ..o };
    bench("mem lan", memory_pair_with(&o).unwrap(), 500);
    bench("tcp lan", tcp(&o), 500);
    let o = LinkOptions { shape: Some(LinkShape::wan()), ..o };
    bench("tcp wan", tcp(&o), 10);
    let t = Instant::now();
    let (mut a, mut b) = tcp(&LinkOptions::default());
    println!("session {:?}", t.elapsed());
    let t = Instant::now();
    let n = 100;
    thread::scope(|s| {
        s.spawn(|| {
            for _ in 0..n {
                let c = a.fork().unwrap();
                a.join(c)
            }
        });
        for _ in 0..n {
            let c = b.fork().unwrap();
            b.join(c)
        }
    });
    println!("fork+drop {:?}", t.elapsed() / n);
}
