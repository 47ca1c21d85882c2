//! Fifth step: the ACK field.

use sockeye_clock::Instant;
use sockeye_wire::Flags;

use super::sequence::{InWindow, challenge};
use crate::congestion::AckSample;
use crate::recovery::{Finding, Phase};
use crate::state::Cause;
use crate::tcb::Fin;
use crate::timers::Timer;
use crate::{Discard, Event, State, Tcb, pending, timestamps};

/// What is acknowledged leaves SendQ; the window is updated.
pub(super) fn process(tcb: &mut Tcb, now: Instant, segment: &InWindow<'_>) -> Result<(), Discard> {
    check(tcb, now, segment)?;
    tcb.probing.on_heard(now);
    tcb.persist.on_answer();
    let ack = segment.header().ack;
    // MUST-1, REC-1 (3.1): unsigned, and kept in 32 bits.
    let window = u32::from(segment.header().window) << tcb.snd.shift;
    if ack.after(tcb.snd.una) {
        process_new(tcb, now, segment);
    } else if is_duplicate(tcb, segment, window) {
        process_duplicate(tcb, now);
    }
    tcb.marks.on_ack(tcb.snd.una);
    tcb.update_pacing_rate();
    update_window(tcb, segment, window);
    if tcb.state == State::Closed { Err(Discard::Finished) } else { Ok(()) }
}

fn check(tcb: &mut Tcb, now: Instant, segment: &InWindow<'_>) -> Result<(), Discard> {
    if !segment.has(Flags::ACK) {
        return Err(Discard::NoAck);
    }
    pending::check_ack(tcb, now, segment.header())?;
    let ack = segment.header().ack;
    if ack.after(tcb.snd.nxt) {
        // 3.10.7.4: "send an ACK, drop the segment, and return".
        challenge(tcb, now);
        return Err(Discard::AckOfUnsent);
    }
    // RFC 5961, section 5: older than SND.UNA - MAX.SND.WND was never in flight with this segment.
    if ack.before(tcb.snd.una - tcb.snd.max_wnd) {
        challenge(tcb, now);
        return Err(Discard::OldAck);
    }
    Ok(())
}

/// RFC 5681, section 2.
fn is_duplicate(tcb: &Tcb, segment: &InWindow<'_>, window: u32) -> bool {
    segment.header().ack == tcb.snd.una && tcb.snd.flight() > 0 && segment.len() == 0 && window == tcb.snd.wnd
}

fn process_duplicate(tcb: &mut Tcb, now: Instant) {
    let (una, nxt) = (tcb.snd.una, tcb.snd.nxt);
    if tcb.recovery.on_duplicate_ack(una, nxt, tcb.snd.mss) == Finding::LossDetected {
        tcb.congestion.on_loss_detected(now, tcb.snd.flight());
    }
}

fn process_new(tcb: &mut Tcb, now: Instant, segment: &InWindow<'_>) {
    let ack = segment.header().ack;
    let (acked, flight) = (ack.since(tcb.snd.una), tcb.snd.flight());
    measure(tcb, now, segment);
    let text = (acked as usize).min(tcb.text_held());
    if text > 0 {
        tcb.sendq.release(text);
        tcb.counters.bytes_acked += text as u64;
        tcb.events.push(Event::Writable);
    }
    tcb.snd.una = ack;
    tcb.snd.retransmissions = 0;
    tcb.on_path_works();
    let was_reducing = tcb.recovery.phase() == Phase::Recovery;
    match tcb.recovery.on_ack(ack, tcb.snd.nxt, acked, tcb.snd.mss) {
        Finding::Recovered => tcb.congestion.on_recovered(now, tcb.snd.flight()),
        Finding::Nothing if !was_reducing => tcb.congestion.on_ack(&AckSample {
            now,
            acked,
            delivered: acked,
            flight_before: flight,
            flight: tcb.snd.flight(),
            lost: 0,
            una: ack,
            nxt: tcb.snd.nxt,
            rtt: None,
            min_rtt: None,
            is_app_limited: false,
            is_cwnd_limited: false,
            ece: false,
            rate: None,
            phase: tcb.recovery.phase(),
        }),
        Finding::Nothing | Finding::PartialAck | Finding::LossDetected => {}
    }
    // RFC 6298, 5.2 and 5.3.
    if tcb.snd.flight() == 0 {
        tcb.timers.stop(Timer::Retransmit);
    } else {
        tcb.timers.set(Timer::Retransmit, now + tcb.rtt.rto().get());
    }
    // What the FIN took up is left when all text is gone.
    if tcb.snd.fin == Fin::Sent && ack == tcb.snd.nxt {
        process_ack_of_fin(tcb, now);
    }
    tcb.timers.stop(Timer::User);
}

/// MUST-18 (3.8.1), Karn: only segments sent once are measured, unless a timestamp tells which one was acknowledged.
fn measure(tcb: &mut Tcb, now: Instant, segment: &InWindow<'_>) {
    if let Some(timing) = tcb.timing {
        if !segment.header().ack.before(timing.end) {
            tcb.rtt.on_sample(now.since(timing.sent));
            tcb.timing = None;
        }
        return;
    }
    let echo = segment.header().options.timestamps.filter(|_| tcb.timestamps.is_some());
    if let Some(rtt) =
        echo.and_then(|stamps| timestamps::round_trip(now, tcb.config.timestamp_offset, stamps.echo))
    {
        tcb.rtt.on_sample(rtt);
    }
}

fn process_ack_of_fin(tcb: &mut Tcb, now: Instant) {
    tcb.snd.fin = Fin::Acknowledged;
    tcb.state = tcb.state.after(Cause::AckOfFin);
    tcb.events.push(Event::Drained);
    match tcb.state {
        State::FinWait2 => tcb.bound_fin_wait_2(now),
        State::TimeWait => tcb.enter_time_wait(),
        State::Closed => tcb.delete(Event::Closed),
        State::Listen
        | State::SynSent
        | State::SynReceived
        | State::Established
        | State::FinWait1
        | State::CloseWait
        | State::Closing
        | State::LastAck => {}
    }
}

/// 3.10.7.4: SND.WL1 and SND.WL2 keep old segments from updating the window.
fn update_window(tcb: &mut Tcb, segment: &InWindow<'_>, window: u32) {
    let (seq, ack) = (segment.header().seq, segment.header().ack);
    if ack.before(tcb.snd.una) {
        return;
    }
    let is_newer = tcb.snd.wl1.before(seq) || (tcb.snd.wl1 == seq && !ack.before(tcb.snd.wl2));
    if !is_newer {
        return;
    }
    if (tcb.snd.wnd == 0) != (window == 0) {
        tcb.stop_persist();
    }
    // MUST-34 (3.8.6): the right edge may have moved left; SND.NXT may then lie beyond it.
    tcb.snd.wnd = window;
    tcb.snd.wl1 = seq;
    tcb.snd.wl2 = ack;
    tcb.snd.max_wnd = tcb.snd.max_wnd.max(window);
}
