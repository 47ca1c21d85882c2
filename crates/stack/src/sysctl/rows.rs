//! The table of settings. A new one is a field of [`Settings`] with Linux's default, a row here, a row in docs/sysctl.md, and a test that
//! shows what it does (crates/sim/tests/settings_*.rs).

use super::value::{Unit, flag, number, numbers};
use super::{Row, SysctlError};
use crate::{CongestionName, MemoryBounds, Settings};
use sockeye_tcb::CongestionControl;

/// Linux's `int`.
const INT: u64 = i32::MAX as u64;
/// Linux's `u8`.
const BYTE: u64 = u8::MAX as u64;
/// SOCK_MIN_SNDBUF and SOCK_MIN_RCVBUF, bytes.
const SOCK_MIN: (u64, u64) = (4608, 2304);

/// A `bool` that Linux shows as 0 or 1.
macro_rules! flag {
    ($name:literal, $($field:ident).+) => {
        Row {
            name: $name,
            read: |settings| u8::from(settings.$($field).+).to_string(),
            write: |settings, text| {
                settings.$($field).+ = flag(text)?;
                Ok(())
            },
        }
    };
}

/// A number of any unsigned type, with its bounds.
macro_rules! number {
    ($name:literal, $($field:ident).+, $least:expr, $most:expr) => {
        Row {
            name: $name,
            read: |settings| settings.$($field).+.to_string(),
            write: |settings, text| {
                let (least, most): (u64, u64) = ($least, $most);
                let number = number(text, (least, most))?;
                settings.$($field).+ = number.try_into().map_err(|_| SysctlError::OutOfBounds { least, most })?;
                Ok(())
            },
        }
    };
}

/// A `Duration`, with the unit in which Linux counts it, and its bounds in that unit.
macro_rules! time {
    ($name:literal, $($field:ident).+, $unit:ident, $least:expr, $most:expr) => {
        Row {
            name: $name,
            read: |settings| Unit::$unit.show(settings.$($field).+),
            write: |settings, text| {
                settings.$($field).+ = Unit::$unit.parse(text, ($least, $most))?;
                Ok(())
            },
        }
    };
}

/// All settings that have a name.
pub(super) const ROWS: &[Row] = &[
    flag!("net.ipv6.auto_flowlabels", path.auto_flow_labels),
    number!("net.ipv4.icmp_msgs_burst", path.icmp_burst, 0, INT),
    number!("net.ipv4.icmp_msgs_per_sec", path.icmp_per_second, 0, INT),
    time!("net.ipv4.icmp_ratelimit", path.icmp_rate_limit, Millis, 0, INT),
    number!("net.ipv4.ip_no_pmtu_disc", path.no_pmtu_discovery, 0, 3),
    number!("net.ipv4.route.min_adv_mss", path.min_advertised_mss, 0, 65_535),
    number!("net.ipv4.route.min_pmtu", path.min_pmtu, 68, INT),
    time!("net.ipv4.route.mtu_expires", path.mtu_expires, Seconds, 0, INT),
    number!("net.ipv4.tcp_base_mss", path.base_mss, 0, 65_535),
    number!("net.ipv4.tcp_min_snd_mss", path.min_snd_mss, 48, 65_535),
    number!("net.ipv4.tcp_mtu_probe_floor", path.mtu_probe_floor, 48, 65_535),
    number!("net.ipv4.tcp_mtu_probing", path.mtu_probing, 0, 2),
    time!("net.ipv4.tcp_probe_interval", path.probe_interval, Seconds, 0, INT),
    number!("net.ipv4.tcp_probe_threshold", path.probe_threshold, 0, 65_535),
    flag!("net.ipv4.tcp_stdurg", path.stdurg),
    Row {
        name: "net.core.default_qdisc",
        read: |settings| (if settings.is_paced { "fq" } else { "pfifo_fast" }).to_owned(),
        write: write_qdisc,
    },
    number!("net.core.somaxconn", backlog_max, 0, INT),
    number!("net.core.rmem_max", rmem_max, SOCK_MIN.1, INT),
    number!("net.core.wmem_max", wmem_max, SOCK_MIN.0, INT),
    number!("net.ipv4.ip_default_ttl", hop_limit, 1, BYTE),
    Row { name: "net.ipv4.ip_local_port_range", read: read_ports, write: write_ports },
    Row {
        name: "net.ipv4.tcp_allowed_congestion_control",
        read: |settings| names(&settings.allowed_congestion_control),
        write: write_allowed,
    },
    Row {
        name: "net.ipv4.tcp_available_congestion_control",
        read: |_| names(&CongestionControl::ALL.map(CongestionName::from)),
        write: |_, _| Err(SysctlError::ReadOnly),
    },
    Row {
        name: "net.ipv4.tcp_congestion_control",
        read: |settings| settings.congestion_control.as_str().to_owned(),
        write: |settings, text| {
            settings.congestion_control = congestion_control(text)?;
            Ok(())
        },
    },
    // Linux has it as a parameter of its module.
    number!("net.ipv4.tcp_cubic_hystart", hystart, 0, 2),
    flag!("net.ipv4.tcp_abort_on_overflow", abort_on_overflow),
    number!("net.ipv4.tcp_challenge_ack_limit", challenge_ack_limit, 0, INT),
    time!("net.ipv4.tcp_comp_sack_delay_ns", ack_compression_delay, Nanos, 0, INT),
    number!("net.ipv4.tcp_comp_sack_nr", ack_compression_most, 0, BYTE),
    flag!("net.ipv4.tcp_dsack", dsack),
    number!("net.ipv4.tcp_ecn", ecn, 0, 2),
    flag!("net.ipv4.tcp_ecn_fallback", ecn_fallback),
    number!("net.ipv4.tcp_fastopen", fast_open, 0, INT),
    time!("net.ipv4.tcp_fastopen_blackhole_timeout_sec", fast_open_black_hole_pause, Seconds, 0, INT),
    Row { name: "net.ipv4.tcp_fastopen_key", read: read_keys, write: write_keys },
    number!("net.ipv4.tcp_early_retrans", recovery.early_retrans, 0, 4),
    time!("net.ipv4.tcp_fin_timeout", fin_timeout, Seconds, 0, INT),
    number!("net.ipv4.tcp_frto", recovery.frto, 0, BYTE),
    time!("net.ipv4.tcp_invalid_ratelimit", invalid_rate_limit, Millis, 0, INT),
    time!("net.ipv4.tcp_keepalive_intvl", keepalive_interval, Seconds, 1, INT),
    number!("net.ipv4.tcp_keepalive_probes", keepalive_probes, 0, BYTE),
    time!("net.ipv4.tcp_keepalive_time", keepalive_time, Seconds, 1, INT),
    number!("net.ipv4.tcp_max_reordering", recovery.max_reordering, 1, INT),
    time!("net.ipv4.tcp_min_rtt_wlen", recovery.min_rtt_window, Seconds, 0, 86_400),
    flag!("net.ipv4.tcp_moderate_rcvbuf", moderate_recv_buffer),
    number!("net.ipv4.tcp_notsent_lowat", notsent_lowat, 0, u32::MAX as u64),
    number!("net.ipv4.tcp_pingpong_thresh", interactive_after, 1, BYTE),
    Row { name: "net.ipv4.tcp_mem", read: read_mem, write: write_mem },
    number!("net.ipv4.tcp_max_orphans", max_orphans, 0, INT),
    number!("net.ipv4.tcp_max_tw_buckets", max_tw_buckets, 0, INT),
    number!("net.ipv4.tcp_orphan_retries", orphan_retries, 0, BYTE),
    number!("net.ipv4.tcp_recovery", recovery.recovery, 0, BYTE),
    number!("net.ipv4.tcp_reordering", recovery.reordering, 1, INT),
    number!("net.ipv4.tcp_retries1", retries1, 0, BYTE),
    number!("net.ipv4.tcp_retries2", retries2, 0, BYTE),
    flag!("net.ipv4.tcp_rfc1337", rfc1337),
    Row { name: "net.ipv4.tcp_rmem", read: read_rmem, write: write_rmem },
    time!("net.ipv4.tcp_rto_max_ms", rto_max, Millis, 1000, 120_000),
    time!("net.ipv4.tcp_rto_min_us", rto_min, Micros, 1, INT),
    number!("net.ipv4.tcp_min_tso_segs", min_tso_segments, 1, BYTE),
    number!("net.ipv4.tcp_pacing_ca_ratio", pacing_ca_ratio, 0, 1000),
    number!("net.ipv4.tcp_pacing_ss_ratio", pacing_ss_ratio, 0, 1000),
    flag!("net.ipv4.tcp_sack", sack),
    flag!("net.ipv4.tcp_slow_start_after_idle", slow_start_after_idle),
    number!("net.ipv4.tcp_syncookies", syn_cookies, 0, 2),
    number!("net.ipv4.tcp_max_syn_backlog", max_syn_backlog, 0, INT),
    number!("net.ipv4.tcp_tso_win_divisor", tso_window_divisor, 0, BYTE),
    number!("net.ipv4.tcp_tw_reuse", tw_reuse, 0, 2),
    time!("net.ipv4.tcp_tw_reuse_delay", tw_reuse_delay, Millis, 1, INT),
    number!("net.ipv4.tcp_syn_linear_timeouts", syn_linear_timeouts, 0, 127),
    number!("net.ipv4.tcp_syn_retries", syn_retries, 1, 127),
    number!("net.ipv4.tcp_synack_retries", synack_retries, 0, BYTE),
    number!("net.ipv4.tcp_timestamps", timestamps, 0, 2),
    flag!("net.ipv4.tcp_window_scaling", window_scaling),
    flag!("net.ipv4.tcp_workaround_signed_windows", workaround_signed_windows),
    Row { name: "net.ipv4.tcp_wmem", read: read_wmem, write: write_wmem },
];

fn names(names: &[CongestionName]) -> String {
    names.iter().map(CongestionName::as_str).collect::<Vec<_>>().join(" ")
}

fn congestion_control(text: &str) -> Result<CongestionName, SysctlError> {
    let expected = "one of those that tcp_available_congestion_control names";
    CongestionControl::from_name(text).map(CongestionName::from).ok_or(SysctlError::Malformed { expected })
}

fn write_allowed(settings: &mut Settings, text: &str) -> Result<(), SysctlError> {
    if text.is_empty() {
        return Err(SysctlError::Malformed { expected: "names with blanks between them" });
    }
    settings.allowed_congestion_control =
        text.split_ascii_whitespace().map(congestion_control).collect::<Result<_, _>>()?;
    Ok(())
}

/// `fq` paces; the others that Linux has by default differ in nothing that is seen here.
fn write_qdisc(settings: &mut Settings, text: &str) -> Result<(), SysctlError> {
    settings.is_paced = match text {
        "fq" => true,
        "pfifo_fast" | "pfifo" | "fq_codel" => false,
        _ => return Err(SysctlError::Malformed { expected: "fq, fq_codel, pfifo or pfifo_fast" }),
    };
    Ok(())
}

fn read_ports(settings: &Settings) -> String {
    format!("{}\t{}", settings.ports.0, settings.ports.1)
}

fn write_ports(settings: &mut Settings, text: &str) -> Result<(), SysctlError> {
    let expected = "the first and the last port";
    let [first, last] = numbers(text, (1, u16::MAX.into()), expected)?;
    if first > last {
        return Err(SysctlError::Malformed { expected });
    }
    // They are within bounds.
    settings.ports = (first as u16, last as u16);
    Ok(())
}

/// Linux shows zeros while the key is its own secret.
fn read_keys(settings: &Settings) -> String {
    let zeros = || "00000000-00000000-00000000-00000000".to_owned();
    settings.fast_open_keys.map_or_else(zeros, |keys| keys.to_string())
}

fn write_keys(settings: &mut Settings, text: &str) -> Result<(), SysctlError> {
    let expected = "four hexadecimal words joined by '-', and perhaps a second such key after ','";
    settings.fast_open_keys = Some(text.parse().map_err(|_| SysctlError::Malformed { expected })?);
    Ok(())
}

fn read_mem(settings: &Settings) -> String {
    let MemoryBounds { low, pressure, most } = settings.memory_bounds();
    format!("{low}\t{pressure}\t{most}")
}

/// As Linux they need not be in order.
fn write_mem(settings: &mut Settings, text: &str) -> Result<(), SysctlError> {
    let expected = "the low bound, the pressure and the most, in pages of 4096 bytes";
    let [low, pressure, most] = numbers(text, (0, i64::MAX as u64), expected)?;
    settings.memory = Some(MemoryBounds { low, pressure, most });
    Ok(())
}

fn read_rmem(settings: &Settings) -> String {
    let (least, most) = settings.recv_buffer_bounds;
    format!("{least}\t{}\t{most}", settings.recv_buffer)
}

fn write_rmem(settings: &mut Settings, text: &str) -> Result<(), SysctlError> {
    let (default, bounds) = memory(text)?;
    (settings.recv_buffer, settings.recv_buffer_bounds) = (default, bounds);
    Ok(())
}

fn read_wmem(settings: &Settings) -> String {
    let (least, most) = settings.send_buffer_bounds;
    format!("{least}\t{}\t{most}", settings.send_buffer)
}

fn write_wmem(settings: &mut Settings, text: &str) -> Result<(), SysctlError> {
    let (default, bounds) = memory(text)?;
    (settings.send_buffer, settings.send_buffer_bounds) = (default, bounds);
    Ok(())
}

/// The default, and the least and the most, bytes.
fn memory(text: &str) -> Result<(usize, (usize, usize)), SysctlError> {
    let [least, default, most] = numbers(text, (1, INT), "the least, the default and the most, in bytes")?;
    Ok((default as usize, (least as usize, most as usize)))
}
