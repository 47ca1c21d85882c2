use super::TcpInfo;

#[test]
fn the_layout_is_linux_s() {
    let info = TcpInfo {
        state: 1,
        flags: 3,
        rto: 5,
        snd_cwnd: 10,
        total_retrans: 7,
        pacing_rate: 1 << 40,
        delivery_rate: 9,
        rcv_wnd: 11,
        total_rto_time: 12,
        accecn_opt_seen: 13,
        ..TcpInfo::default()
    };
    let bytes = info.to_bytes();
    assert_eq!(bytes.len(), 280);
    let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    assert_eq!((bytes[0], bytes[7], word(8), word(80), word(100)), (1, 3, 5, 10, 7));
    let long = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    assert_eq!((long(104), long(160), word(232), word(244)), (1 << 40, 9, 11, 12));
    assert_eq!(bytes[278..], 13u16.to_ne_bytes());
}

/// docs/tcp_info.md has a row for each field, in order.
#[test]
fn every_field_is_documented() {
    let text = include_str!("../../../../docs/tcp_info.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `tcpi_")?.split('`').next());
    let bits = ["snd_wscale", "rcv_wscale", "delivery_rate_app_limited", "fastopen_client_fail"];
    let named: Vec<&str> = rows.filter(|name| !bits.contains(name)).collect();
    let fields: Vec<&str> =
        TcpInfo::FIELDS.iter().copied().filter(|name| !["wscale", "flags"].contains(name)).collect();
    assert_eq!(named, fields);
}
