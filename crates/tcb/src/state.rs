//! The states, and the one place where they change.

/// The states of RFC 9293, Figure 5.
///
/// ```text
///                              +---------+ ---------\      active OPEN
///                              |  CLOSED |            \    -----------
///                              +---------+<---------\   \   create TCB
///                                |     ^              \   \  snd SYN
///                   passive OPEN |     |   CLOSE        \   \
///                   ------------ |     | ----------       \   \
///                    create TCB  |     | delete TCB         \   \
///                                V     |                      \   \
///            rcv RST (note 1)  +---------+            CLOSE    |    \
///         -------------------->|  LISTEN |          ---------- |     |
///        /                     +---------+          delete TCB |     |
///       /           rcv SYN      |     |     SEND              |     |
///      /           -----------   |     |    -------            |     V
///  +--------+      snd SYN,ACK  /       \   snd SYN          +--------+
///  |        |<-----------------           ------------------>|        |
///  |  SYN   |                    rcv SYN                     |  SYN   |
///  |  RCVD  |<-----------------------------------------------|  SENT  |
///  |        |                  snd SYN,ACK                   |        |
///  |        |------------------           -------------------|        |
///  +--------+   rcv ACK of SYN  \       /  rcv SYN,ACK       +--------+
///     |         --------------   |     |   -----------
///     |                x         |     |     snd ACK
///     |                          V     V
///     |  CLOSE                 +---------+
///     | -------                |  ESTAB  |
///     | snd FIN                +---------+
///     |                 CLOSE    |     |    rcv FIN
///     V                -------   |     |    -------
///  +---------+         snd FIN  /       \   snd ACK         +---------+
///  |  FIN    |<----------------          ------------------>|  CLOSE  |
///  | WAIT-1  |------------------                            |   WAIT  |
///  +---------+          rcv FIN  \                          +---------+
///    | rcv ACK of FIN   -------   |                          CLOSE  |
///    | --------------   snd ACK   |                         ------- |
///    V        x                   V                         snd FIN V
///  +---------+               +---------+                    +---------+
///  |FINWAIT-2|               | CLOSING |                    | LAST-ACK|
///  +---------+               +---------+                    +---------+
///    |              rcv ACK of FIN |                 rcv ACK of FIN |
///    |  rcv FIN     -------------- |    Timeout=2MSL -------------- |
///    |  -------            x       V    ------------        x       V
///     \ snd ACK              +---------+delete TCB          +---------+
///       -------------------->|TIME-WAIT|------------------->| CLOSED  |
///                            +---------+                    +---------+
/// ```
///
/// `Closed` and `Listen` are data of the stack; the type names them so that there is one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum State {
    Closed,
    Listen,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

/// What moves a connection along an arrow of Figure 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Active OPEN.
    ActiveOpen,
    /// A SYN without an ACK of ours.
    Syn,
    /// A SYN that acknowledges ours.
    SynAck,
    /// Our SYN is acknowledged.
    AckOfSyn,
    /// CLOSE.
    Close,
    /// The peer's FIN is in order.
    Fin,
    /// Our FIN is acknowledged.
    AckOfFin,
    /// RST, ABORT, R2, or a time-out of 2MSL or FIN-WAIT-2: the TCB is deleted.
    Delete,
}

impl State {
    /// The state that follows. Where Figure 5 has no arrow the state stays.
    pub(crate) const fn after(self, cause: Cause) -> Self {
        match (cause, self) {
            (Cause::ActiveOpen, Self::Closed) => Self::SynSent,
            (Cause::Syn, Self::Listen | Self::SynSent) => Self::SynReceived,
            (Cause::SynAck, Self::SynSent) | (Cause::AckOfSyn, Self::SynReceived) => Self::Established,
            (Cause::Close, Self::SynReceived | Self::Established) => Self::FinWait1,
            (Cause::Close, Self::CloseWait) => Self::LastAck,
            (Cause::Fin, Self::SynReceived | Self::Established) => Self::CloseWait,
            (Cause::Fin, Self::FinWait1) => Self::Closing,
            (Cause::Fin, Self::FinWait2) | (Cause::AckOfFin, Self::Closing) => Self::TimeWait,
            (Cause::AckOfFin, Self::FinWait1) => Self::FinWait2,
            (Cause::AckOfFin, Self::LastAck) => Self::Closed,
            (Cause::Delete, _) => Self::Closed,
            (
                Cause::ActiveOpen
                | Cause::Syn
                | Cause::SynAck
                | Cause::AckOfSyn
                | Cause::Close
                | Cause::Fin
                | Cause::AckOfFin,
                state,
            ) => state,
        }
    }

    /// Whether text of the peer may still come (3.10.7.4, seventh step). A connection that holds any in SYN-RECEIVED is one of Fast
    /// Open's.
    pub(crate) const fn can_receive(self) -> bool {
        matches!(self, Self::SynReceived | Self::Established | Self::FinWait1 | Self::FinWait2)
    }

    /// Whether ABORT must send a RST (3.10.5).
    pub(crate) const fn is_reset_needed(self) -> bool {
        matches!(
            self,
            Self::SynReceived | Self::Established | Self::FinWait1 | Self::FinWait2 | Self::CloseWait
        )
    }
}

#[cfg(test)]
mod tests;
