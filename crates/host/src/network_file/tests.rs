use super::*;
use std::time::Duration;

const TWO_HOSTS: &str = r#"
[[host]]
name = "server"
addresses = ["192.168.0.195", "fd00::195"]
exact_recv_buffer = 16384
time_wait = "3s"

[[host]]
name = "client"
addresses = ["192.168.0.192"]
send_buffer = "64KiB"
ports = [40000, 40999]
"#;

fn with(rest: &str) -> String {
    format!("{TWO_HOSTS}{rest}")
}

/// The line that the error names, and its text.
fn fault(text: &str) -> (usize, String) {
    let SetupError(message) = parse(text, "net.toml").unwrap_err();
    assert!(!message.contains('\n'), "one line: {message}");
    let rest = message.strip_prefix("net.toml:").unwrap();
    let (line, rest) = rest.split_once(": ").unwrap();
    (line.parse().unwrap(), rest.to_owned())
}

#[test]
fn hosts_and_their_settings_are_read() {
    let network = parse(TWO_HOSTS, "net.toml").unwrap();
    let [server, client] = &network.hosts[..] else { panic!("two hosts: {network:?}") };
    assert_eq!(server.name, "server");
    assert_eq!(server.addresses, ["192.168.0.195".parse::<IpAddr>().unwrap(), "fd00::195".parse().unwrap()]);
    assert_eq!(server.settings.exact_recv_buffer, Some(16384));
    assert_eq!(server.settings.exact_send_buffer, None);
    assert_eq!(server.settings.time_wait, Duration::from_secs(3));
    assert_eq!(client.settings.send_buffer, 65536);
    assert_eq!(client.settings.ports, (40000, 40999));
    assert_eq!(client.settings.time_wait, Settings::default().time_wait);
    assert!(network.links.is_empty());
}

#[test]
fn links_are_read_with_units() {
    let text = with(
        r#"
[[link]]
between = ["server", "client"]
mtu = "1500B"
rate = "10mbit"
delay = "20ms"
jitter = "2ms"
loss = "5%"
reorder = 0.02
duplicate = "0.5%"
inner_mtu = 1280
black_hole = true
queue = 50
mark = 30
seed = 7
"#,
    );
    let network = parse(&text, "net.toml").unwrap();
    assert_eq!(network.links[0].between, ("server".to_owned(), "client".to_owned()));
    let expected = LinkConfig {
        inner_mtu: Some(1280),
        black_hole: true,
        mtu: 1500,
        rate: 10_000_000,
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(2),
        loss: 0.05,
        reorder: 0.02,
        duplicate: 0.005,
        corrupt: 0.0,
        queue: 50,
        mark: 30,
        seed: 7,
    };
    assert_eq!(network.links[0].config, expected);
}

/// MUST-49 (3.9.2): the time to live is configurable.
#[test]
fn a_host_has_a_hop_limit() {
    let network = parse("[[host]]\nname = \"a\"\nhop_limit = 9\n", "net.toml").unwrap();
    assert_eq!(network.hosts[0].settings.hop_limit, 9);
    assert_eq!(fault("[[host]]\nname = \"a\"\nhop_limit = 0\n").0, 3);
}

#[test]
fn a_link_that_says_nothing_is_perfect() {
    let network = parse(&with("[[link]]\nbetween = [\"client\", \"server\"]\n"), "net.toml").unwrap();
    assert_eq!(network.links[0].config, LinkConfig::default());
}

/// Two hosts with a link, which says this besides where it goes, on line 15.
fn link(rest: &str) -> String {
    with(&format!("[[link]]\nbetween = [\"server\", \"client\"]\n{rest}\n"))
}

fn assert_faults(cases: &[(String, usize, &str)]) {
    for (text, line, part) in cases {
        let (found, message) = fault(text);
        assert!(
            found == *line && message.contains(part),
            "expected {line}: …{part}…, got {found}: {message}\n{text}"
        );
    }
}

#[test]
fn a_fault_names_its_line_the_thing_and_the_mend() {
    let cases = [
        ("".to_owned(), 1, "no host"),
        ("[[host]]\nname = 3\n".to_owned(), 2, "expected a string"),
        (
            "[[host]]\nname = \"a\"\ncolour = 1\n".to_owned(),
            3,
            "unknown key `colour`, expected one of `name`",
        ),
        ("[[host]]\nname = \"\"\n".to_owned(), 2, "empty"),
        (format!("[[host]]\nname = \"{}\"\n", "a".repeat(65)), 2, "not one line of up to 64 bytes"),
        ("[[host]]\nname = \"a\\nb\"\n".to_owned(), 2, "not one line of up to 64 bytes"),
        ("[[host]]\nname = \"a\"\n[[host]]\nname = \"a\"\n".to_owned(), 4, "\"a\" stands here a second time"),
        ("[[host]]\nname = \"a\"\naddresses = [\"10.0.0.1/8\"]\n".to_owned(), 3, "without a mask"),
        ("[[host]]\nname = \"a\"\naddresses = [\"127.0.0.1\"]\n".to_owned(), 3, "leave it out"),
        ("[[host]]\nname = \"a\"\naddresses = [\"0.0.0.0\"]\n".to_owned(), 3, "unicast"),
        (
            "[[host]]\nname = \"a\"\naddresses = [\"10.0.0.1\", \"10.0.0.1\"]\n".to_owned(),
            3,
            "of \"a\" already",
        ),
        (with("[[host]]\nname = \"b\"\naddresses = [\"192.168.0.192\"]\n"), 15, "of \"client\" already"),
        ("[[host]]\nname = \"a\"\nports = [9, 8]\n".to_owned(), 3, "first and the last port"),
        ("[[host]]\nname = \"a\"\nexact_recv_buffer = 0\n".to_owned(), 3, "1 or more"),
        ("[[host]]\nname = \"a\"\nloopback_mtu = 9\n".to_owned(), 3, "mtu = 9"),
        (
            "[[host]]\nname = \"a\"\ntime_wait = \"3 parsecs\"\n".to_owned(),
            3,
            "\"3 parsecs\", expected a time like",
        ),
        ("[[host]]\nname = \"a\"\ntime_wait = -1\n".to_owned(), 3, "expected a time like"),
        ("[[host]]\nname = \"a\"\nrecv_buffer = \"64XB\"\n".to_owned(), 3, "expected a number of bytes like"),
        (
            with("[[link]]\nbetween = [\"server\", \"nobody\"]\n"),
            14,
            "no host is named \"nobody\"; the hosts are",
        ),
        (with("[[link]]\nbetween = [\"server\", \"server\"]\n"), 14, "to itself"),
        (link("[[link]]\nbetween = [\"client\", \"server\"]"), 16, "a second link"),
        (link("loss = \"105%\""), 15, "from 0 to 1"),
        (link("loss = 1.5"), 15, "from 0 to 1"),
        (link("rate = \"10mb\""), 15, "expected a rate like"),
        (link("mtu = 100"), 15, "mtu = 100"),
        (link("delay = \"3min\""), 15, "delay"),
        (link("jitter = \"3min\""), 15, "jitter"),
        (link("rate = \"1mbit\"\nqueue = 0"), 16, "queue = 0"),
        (link("capture = \"x.pcapng\""), 15, "not written yet; remove the line"),
        (with("[[tun]]\nname = \"tun0\"\n"), 13, "unknown key `tun`"),
        ("[[host]\n".to_owned(), 1, ""),
    ];
    assert_faults(&cases);
}

#[test]
fn a_wrong_form_is_refused_in_plain_words() {
    assert_faults(&[
        (link("delay = 20"), 15, "20: give a unit, as in \"20ms\""),
        (link("jitter = \"0.5\""), 15, "0.5: give a unit, as in \"20ms\""),
        (link("rate = 20"), 15, "20: give a unit, as in \"10mbit\""),
        (link("queue = -1"), 15, "expected a whole number, 0 or more"),
        (
            with("[[link]]\nbetween = [\"server\"]\n"),
            14,
            "a list of 1; write the names of two hosts, as in [\"server",
        ),
        (with("[[link]]\nbetween = \"server\"\n"), 14, "expected the names of two hosts, as in [\"server"),
        (
            "[[host]]\nname = \"a\"\nports = 5\n".to_owned(),
            3,
            "expected the first and the last port, as in [32",
        ),
        ("[[host]]\nname = \"a\"\nports = \"5-6\"\n".to_owned(), 3, "expected the first and the last port"),
        (
            "[[host]]\nname = \"a\"\nports = [1, 2, 3]\n".to_owned(),
            3,
            "a list of 3; write the first and the last",
        ),
        ("[[host]]\nname = \"a\"\nports = [1, 70000]\n".to_owned(), 3, "not a port from 1 to 65535"),
        ("[[host]]\nname = \"a\"\nports = [1, \"2\"]\n".to_owned(), 3, "not a port from 1 to 65535"),
        ("[host]\nname = \"a\"\n".to_owned(), 1, "under [[ ]]"),
        ("[[host]]\naddresses = []\n".to_owned(), 1, "missing key `name`"),
    ]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let SetupError(message) = read(Path::new("/nowhere/net.toml")).unwrap_err();
    assert!(message.starts_with("/nowhere/net.toml: cannot read the network file"), "{message}");
    assert!(!message.contains('\n'), "{message}");
}

#[test]
fn a_key_of_its_own_counts_more_than_sysctl() {
    let text = "[[host]]\nname = \"a\"\nports = [7, 9]\nsysctl = { ip_local_port_range = \"40000 40001\", tcp_fin_timeout = 7 }\n";
    let settings = &parse(text, "net.toml").unwrap().hosts[0].settings;
    assert_eq!((settings.ports, settings.fin_timeout), ((7, 9), Duration::from_secs(7)));
}

#[test]
fn a_folder_and_a_file_of_bytes_are_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let SetupError(message) = read(folder.path()).unwrap_err();
    assert!(message.ends_with(": is a folder; name a network file in it"), "{message}");
    let bytes = folder.path().join("bytes");
    std::fs::write(&bytes, [0xff, 0xfe, 0]).unwrap();
    let SetupError(message) = read(&bytes).unwrap_err();
    assert!(message.contains("bytes: is not text in UTF-8"), "{message}");
}

#[test]
fn a_time_and_a_rate_of_nothing_need_no_unit() {
    let text = with("[[link]]\nbetween = [\"server\", \"client\"]\ndelay = 0\nrate = 0\njitter = \"0\"\n");
    assert_eq!(parse(&text, "net.toml").unwrap().links[0].config, LinkConfig::default());
}

/// The parser names all keys when it refuses one.
#[test]
fn every_key_is_documented() {
    let page = include_str!("../../../../docs/networks.md");
    for (text, least) in [
        ("[[host]]\nname = \"a\"\ncolour = 1\n".to_owned(), 15),
        (with("[[link]]\nbetween = [\"server\", \"client\"]\ncolour = 1\n"), 14),
    ] {
        let (_, message) = fault(&text);
        let (_, names) = message.split_once("expected one of ").unwrap();
        let names: Vec<&str> = names.split(", ").collect();
        assert!(names.len() >= least, "{names:?}");
        for name in names {
            assert!(page.contains(&format!("\n| {name} |")), "docs/networks.md lacks {name}");
        }
    }
}

#[test]
fn the_example_files_are_good() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../networks");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let network = read(&entry.unwrap().path()).unwrap();
        assert!(!network.hosts.is_empty());
        count += 1;
    }
    assert!(count >= 3, "the examples are found");
}

#[test]
fn settings_have_linux_s_names_too() {
    let config = parse(
        "[[host]]\nname = \"a\"\nsend_buffer = 5000\n[host.sysctl]\n\"net.ipv4.tcp_sack\" = false\ntcp_retries2 = 8\n\"net.ipv4.tcp_rmem\" = \"1 2 3\"\n",
        "net.toml",
    )
    .expect("it is sound");
    let settings = &config.hosts[0].settings;
    assert_eq!((settings.sack, settings.retries2, settings.recv_buffer), (false, 8, 2));
    assert_eq!(settings.send_buffer, 5000);
    for (line, said) in [
        ("tcp_sac = 1", "net.toml:4: tcp_sac: there is no such setting"),
        ("tcp_sack = 2", "net.toml:4: tcp_sack = 2: write a number from 0 to 1"),
        ("tcp_sack = [1]", "net.toml:4: tcp_sack = [1]: write a whole number"),
    ] {
        let text = format!("[[host]]\nname = \"a\"\n[host.sysctl]\n{line}\n");
        let error = parse(&text, "net.toml").expect_err(line);
        assert!(error.to_string().starts_with(said), "{error}");
    }
}
