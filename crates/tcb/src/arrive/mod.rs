//! SEGMENT ARRIVES in the synchronized states (3.10.7.4): a ladder, one file a step. Security and precedence are not checked (the
//! third step of RFC 793), as RFC 9293 has it for unclassified use.

mod ack;
mod fin;
mod rst;
mod sequence;
mod syn;
mod text;
mod urg;

use sockeye_clock::Instant;

use crate::{Discard, Segment, State, Tcb, pending};

pub(crate) use sequence::ChallengeLimit;

/// Climbs the ladder until a step discards the segment.
pub(crate) fn segment_arrives(tcb: &mut Tcb, now: Instant, segment: &Segment<'_>) {
    if let Err(discard) = climb(tcb, now, segment) {
        tcb.discards.count(discard);
    }
}

fn climb(tcb: &mut Tcb, now: Instant, segment: &Segment<'_>) -> Result<(), Discard> {
    if tcb.state == State::Closed {
        return Err(Discard::Closed);
    }
    pending::check_syn(tcb, now, segment)?;
    let ecn = segment.ecn;
    let segment = sequence::check(tcb, now, segment)?;
    rst::check(tcb, now, &segment)?;
    syn::check(tcb, now, &segment)?;
    ack::process(tcb, now, &segment)?;
    // What an unacceptable ACK says is not to be echoed.
    sequence::update_timestamp(tcb, now, &segment);
    urg::process(tcb, &segment);
    if !segment.text().is_empty() {
        tcb.note_codepoint(ecn, segment.header().flags);
    }
    text::process(tcb, now, &segment)?;
    fin::process(tcb, &segment);
    Ok(())
}

/// The text and the FIN that came with the peer's SYN (3.10.7.3: "continue processing at the sixth step").
pub(crate) fn rest_of_syn(tcb: &mut Tcb, now: Instant, syn: &Segment<'_>) {
    let taken = sequence::check(tcb, now, syn).and_then(|segment| {
        text::process(tcb, now, &segment)?;
        fin::process(tcb, &segment);
        Ok(())
    });
    if let Err(discard) = taken {
        tcb.discards.count(discard);
    }
}
