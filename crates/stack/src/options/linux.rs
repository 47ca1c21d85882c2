//! How Linux counts TCP_DEFER_ACCEPT: in retransmissions of the SYN-ACK.

/// TCP_TIMEOUT_INIT, seconds.
const INITIAL: u32 = 1;
/// TCP_RTO_MAX, seconds.
const MAX: u32 = 120;

/// Linux's `secs_to_retrans`: after how many retransmissions that many seconds have passed.
pub(super) fn retransmissions_of(seconds: u32) -> u8 {
    if seconds == 0 {
        return 0;
    }
    let (mut count, mut period, mut timeout) = (1, INITIAL, INITIAL);
    while seconds > period && count < u8::MAX {
        count += 1;
        timeout = (timeout * 2).min(MAX);
        period += timeout;
    }
    count
}

/// Linux's `retrans_to_secs`.
pub(super) fn seconds_of(retransmissions: u8) -> u32 {
    let (mut period, mut timeout) = (0, INITIAL);
    for _ in 0..retransmissions {
        period += timeout;
        timeout = (timeout * 2).min(MAX);
    }
    period
}
