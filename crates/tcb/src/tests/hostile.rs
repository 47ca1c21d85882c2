//! Whatever a peer sends and a program does, nothing panics, nothing contradicts itself, and every flush ends.

use sockeye_buffer::{Slot, Text};
use sockeye_clock::Instant;
use sockeye_wire::{Flags, Options, SeqNum, TcpHeader, Timestamps};

use super::fixture::{IRS, ISS, config, ms};
use super::pair::Random;
use crate::{Config, Handshake, KeepAlive, Progress, Segment, State, Tcb};

/// A number near one that matters, or any.
fn near(random: &mut Random, center: SeqNum) -> SeqNum {
    match random.below(8) {
        0 => SeqNum(random.below(1 << 32) as u32),
        1 | 2 => center + random.below(20_000) as u32,
        3 => center - random.below(20_000) as u32,
        _ => center + random.below(3) as u32 - 1,
    }
}

fn header(random: &mut Random, seq: SeqNum, ack: SeqNum) -> TcpHeader {
    let mut flags = Flags::ACK;
    for (flag, one_in) in [
        (Flags::FIN, 300),
        (Flags::SYN, 30),
        (Flags::RST, 2000),
        (Flags::URG, 30),
        (Flags::PSH, 2),
        (Flags::ACK, 30),
    ] {
        if random.below(one_in) == 0 {
            flags.toggle(flag);
        }
    }
    let stamps = Timestamps { value: random.below(1 << 12) as u32, echo: random.below(1 << 32) as u32 };
    TcpHeader {
        src_port: 4000,
        dst_port: 80,
        seq: near(random, seq),
        ack: near(random, ack),
        flags,
        window: [0, 1, 300, 10_000, 65_535][random.below(5) as usize],
        urgent: random.below(1 << 16) as u16,
        options: Options {
            mss: (random.below(4) == 0).then(|| random.below(1 << 16) as u16),
            window_scale: (random.below(2) == 0).then(|| random.below(256) as u8),
            timestamps: (random.below(3) > 0).then_some(stamps),
            ..Options::default()
        },
    }
}

fn random_config(random: &mut Random) -> Config {
    Config {
        nagle: random.below(2) == 0,
        timestamps: random.below(2) == 0,
        window_scaling: random.below(2) == 0,
        recv_buffer: [1, 100, 10_000, 1 << 20][random.below(4) as usize],
        send_buffer: [1, 100, 10_000, 1 << 20][random.below(4) as usize],
        user_timeout: (random.below(8) == 0).then(|| ms(30_000)),
        keep_alive: (random.below(4) == 0).then_some(KeepAlive {
            idle: ms(500),
            interval: ms(100),
            count: 3,
        }),
        ..config()
    }
}

fn call(random: &mut Random, tcb: &mut Tcb, slot: &Slot, now: Instant) {
    match random.below(40) {
        0 if random.below(4) == 0 => tcb.close(now),
        1 if random.below(30) == 0 => tcb.abort(now),
        2 if random.below(30) == 0 => tcb.orphan(now),
        3 => tcb.set_nagle(now, random.below(2) == 0),
        4 => tcb.rings_mut().1.set_limit(1 + random.below(100_000) as usize),
        5 => tcb.rings_mut().0.set_limit(1 + random.below(100_000) as usize),
        6 => tcb.set_user_timeout((random.below(2) == 0).then(|| ms(10_000))),
        7 => tcb.set_keep_alive(now, None),
        8..=16 => {
            slot.writer().write(&std::vec![7; random.below(5_000) as usize]);
            tcb.send(now);
        }
        17..=25 if slot.reader().consume(random.below(5_000) as usize) || random.below(8) == 0 => {
            tcb.receive(now);
        }
        _ => {}
    }
}

fn flush(tcb: &mut Tcb, now: Instant) {
    let mut sent = 0;
    while let Some(transmit) = tcb.poll_transmit(now) {
        tcb.assert_invariants();
        assert_eq!(tcb.text(&transmit).len(), transmit.text_len);
        sent += 1;
        assert!(sent < 50_000, "the flush ends");
    }
    while tcb.poll_event().is_some() {}
    let is_watched = tcb.poll_timeout().is_some() || matches!(tcb.state(), State::Closed | State::TimeWait);
    assert!(is_watched || tcb.send_queue() == 0, "what is unacknowledged is never forgotten: {tcb:?}");
}

fn established(random: &mut Random, slot: &Slot, now: Instant) -> Tcb {
    loop {
        let config = random_config(random);
        let rings = (config.send_buffer, config.recv_buffer);
        let mut syn = header(random, IRS, ISS);
        (syn.seq, syn.flags) = (IRS, Flags::SYN);
        let mut handshake = Handshake::passive(now, config, &Segment::new(&syn, Text::empty()));
        for _ in 0..50 {
            while handshake.poll_transmit(now).is_some() {}
            let mut ack = header(random, IRS + 1, ISS + 1);
            ack.options.timestamps = syn.options.timestamps;
            let segment = Segment::new(&ack, Text::empty());
            match handshake.segment_arrives(now, &segment) {
                Progress::Waiting => {}
                Progress::BackToListen | Progress::Failed(_) => break,
                Progress::Established { redeliver } => {
                    let (sendq, recvq) = slot.open(rings.0, rings.1);
                    let mut tcb = handshake.into_tcb(now, sendq, recvq);
                    if redeliver {
                        tcb.segment_arrives(now, &segment);
                    }
                    return tcb;
                }
            }
        }
    }
}

#[test]
fn nothing_that_arrives_breaks_it() {
    let text = [9u8; 3000];
    let slot = Slot::on_heap(1 << 20, 1 << 20);
    let mut arrived = 0;
    for seed in 0..1000 {
        std::println!("seed {seed}");
        let mut random = Random::new(seed);
        let mut now = Instant::from_millis(1);
        let mut tcb = established(&mut random, &slot, now);
        for _ in 0..600 {
            now += ms(random.below(30));
            arrived += 1;
            let (rcv_nxt, una, nxt) = (tcb.rcv.nxt, tcb.snd.una, tcb.snd.nxt);
            let acked = if random.below(2) == 0 { una } else { nxt };
            let header = header(&mut random, rcv_nxt, acked);
            let len = if random.below(2) == 0 { 0 } else { random.below(3000) as usize };
            tcb.segment_arrives(now, &Segment::new(&header, Text::from(&text[..len])));
            tcb.assert_invariants();
            call(&mut random, &mut tcb, &slot, now);
            tcb.assert_invariants();
            if random.below(4) > 0 {
                flush(&mut tcb, now);
            }
            if random.below(3) == 0 {
                now = tcb.poll_timeout().unwrap_or(now).max(now);
                tcb.timeout(now);
                tcb.assert_invariants();
                flush(&mut tcb, now);
            }
            if tcb.state() == State::Closed {
                assert_eq!(tcb.poll_timeout(), None);
                break;
            }
        }
    }
    assert!(arrived > 50_000, "most connections live long: {arrived}");
}
