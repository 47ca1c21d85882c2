use std::vec::Vec;

use super::{Cause, State};

const STATES: [State; 11] = [
    State::Closed,
    State::Listen,
    State::SynSent,
    State::SynReceived,
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
    State::TimeWait,
];

/// The arrows of Figure 5, each one and no other.
#[test]
fn figure_5() {
    use State::{
        CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived, SynSent,
        TimeWait,
    };
    let figure: [(Cause, &[(State, State)]); 7] = [
        (Cause::ActiveOpen, &[(Closed, SynSent)]),
        (Cause::Syn, &[(Listen, SynReceived), (SynSent, SynReceived)]),
        (Cause::SynAck, &[(SynSent, Established)]),
        (Cause::AckOfSyn, &[(SynReceived, Established)]),
        (Cause::Close, &[(SynReceived, FinWait1), (Established, FinWait1), (CloseWait, LastAck)]),
        (
            Cause::Fin,
            &[(SynReceived, CloseWait), (Established, CloseWait), (FinWait1, Closing), (FinWait2, TimeWait)],
        ),
        (Cause::AckOfFin, &[(FinWait1, FinWait2), (Closing, TimeWait), (LastAck, Closed)]),
    ];
    for (cause, arrows) in figure {
        let moves: Vec<(State, State)> = STATES
            .iter()
            .map(|state| (*state, state.after(cause)))
            .filter(|(before, after)| before != after)
            .collect();
        assert_eq!(moves, arrows, "{cause:?}");
    }
    assert!(STATES.iter().all(|state| state.after(Cause::Delete) == Closed));
}
