//! Fifth step: the ACK field. A ladder of its own: may it be believed; the window; what is acknowledged; what that says of losses;
//! how much may be sent now; the timers.

mod check;
mod release;
mod window;

use sockeye_clock::Instant;

use super::sequence::InWindow;
use crate::recovery::News;
use crate::tcb::Fin;
use crate::{Discard, State, Tcb};
use check::Age;

/// What is acknowledged leaves SendQ and the scoreboard; the window and cwnd are updated; losses are found.
pub(super) fn process(tcb: &mut Tcb, now: Instant, segment: &InWindow<'_>) -> Result<(), Discard> {
    let age = check::check(tcb, now, segment)?;
    tcb.probing.on_heard(now);
    tcb.persist.on_answer();
    let acked = if tcb.is_plain(segment.header()) {
        process_plain(tcb, now, segment)
    } else {
        let mut news = gather(tcb, now, segment);
        if age == Age::Old {
            process_old(tcb, segment, &mut news);
            return Ok(());
        }
        process_any(tcb, segment, &mut news);
        news.acked
    };
    if tcb.snd.fin == Fin::Sent && acked > 0 && tcb.snd.flight() == 0 {
        release::process_ack_of_fin(tcb, now);
    }
    tcb.marks.on_ack(tcb.snd.una);
    tcb.update_pacing_rate();
    if tcb.state == State::Closed { Err(Discard::Finished) } else { Ok(()) }
}

/// SND.UNA moves, and nothing else is new.
fn process_plain(tcb: &mut Tcb, now: Instant, segment: &InWindow<'_>) -> u32 {
    let echo = echo(tcb, segment);
    window::update(tcb, segment);
    let acked = release::process(tcb, segment);
    tcb.process_plain(now, acked, echo);
    acked
}

fn process_any(tcb: &mut Tcb, segment: &InWindow<'_>, news: &mut News) {
    let had_flight = tcb.snd.flight() > 0;
    let was_shut = had_flight && tcb.snd.wnd == 0;
    window::update(tcb, segment);
    news.acked = release::process(tcb, segment);
    if was_shut && tcb.snd.wnd > 0 && tcb.snd.flight() > 0 {
        // MUST-34 (3.8.6): it had shrunk over what was sent. The peer had no room for that, and now it has.
        tcb.lose_all(news.now);
    }
    if had_flight {
        process_scoreboard(tcb, segment, news);
        tcb.tell_congestion(news);
        tcb.restart_timers(news.now, news.restarts_timer());
    }
}

/// TSecr, if timestamps are in use.
fn echo(tcb: &Tcb, segment: &InWindow<'_>) -> Option<u32> {
    let stamps = segment.header().options.timestamps.filter(|_| tcb.timestamps.is_some());
    stamps.map(|stamps| stamps.echo)
}

/// What became of the segments that are outstanding.
fn process_scoreboard(tcb: &mut Tcb, segment: &InWindow<'_>, news: &mut News) {
    tcb.process_sack(&segment.header().options.sack, news);
    tcb.process_acknowledged(news);
    tcb.measure(news);
    tcb.adapt_to(news);
    tcb.process_probe_answer(news);
    tcb.process_losses(news);
}

/// An ACK that others overtook: only what it SACKs is news.
fn process_old(tcb: &mut Tcb, segment: &InWindow<'_>, news: &mut News) {
    let blocks = &segment.header().options.sack;
    if tcb.snd.flight() == 0 || blocks.is_empty() {
        return;
    }
    news.is_update = true;
    tcb.process_sack(blocks, news);
    tcb.process_losses(news);
}

/// What is known of the ACK before anything changes.
fn gather(tcb: &Tcb, now: Instant, segment: &InWindow<'_>) -> News {
    let is_duplicate = check::is_duplicate(tcb, segment);
    let mut news = tcb.no_news(now);
    news.is_duplicate = is_duplicate;
    news.is_update = !is_duplicate;
    news.ece = tcb.ecn.is_echo(segment.header());
    news.echo = echo(tcb, segment);
    news
}
