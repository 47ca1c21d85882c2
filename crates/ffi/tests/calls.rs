//! What calls give, line by line: the same from the kernel and from Sockeye in both of its modes.

mod common;

use common::{Running, Stack, World};
use std::collections::HashMap;
use std::process::Command;

/// What a program of `tests/calls` prints over `stack`, if `prepare` does not change that.
fn output(stack: Stack, name: &str, prepare: impl Fn(&World, &mut Command)) -> String {
    let world = World::new(stack);
    let mut command = world.caller(name, &[]);
    prepare(&world, &mut command);
    let text = Running::start(command).finish_well();
    assert!(text.lines().count() > 2, "{name} over {stack:?} tells too little: {text:?}");
    text
}

/// A program of `tests/calls` prints the same over the kernel and over Sockeye.
fn same_as_kernel(name: &str) {
    let expected = output(Stack::Kernel, name, |_, _| {});
    for stack in [Stack::Sockeye, Stack::Embedded] {
        assert_same(&output(stack, name, |_, _| {}), &expected, &format!("{name} over {stack:?}"));
    }
}

fn assert_same(found: &str, expected: &str, what: &str) {
    let differing: Vec<String> = found
        .lines()
        .zip(expected.lines())
        .filter(|(found, expected)| found != expected)
        .map(|(found, expected)| format!("  {found}\n  instead of {expected}"))
        .collect();
    assert!(differing.is_empty(), "{what}:\n{}", differing.join("\n"));
    assert_eq!(found.lines().count(), expected.lines().count(), "{what}: {found}");
}

/// A network file with a host that has these settings.
fn with_settings(world: &World, command: &mut Command, sysctl: &str) {
    let file = world.path("network.toml");
    let text = format!("[[host]]\nname = \"here\"\naddresses = []\nsysctl = {{ {sysctl} }}\n");
    std::fs::write(&file, text).expect("a file");
    command.env("SOCKEYE_NETWORK", file);
}

#[test]
fn rfc_7413_first_send_opens_the_connection() {
    let expected = include_str!("calls/fast_open.txt");
    for stack in [Stack::Sockeye, Stack::Embedded] {
        let found = output(stack, "fast_open", |world, command| {
            with_settings(world, command, "\"net.ipv4.tcp_fastopen\" = 3");
        });
        assert_same(&found, expected, &format!("{stack:?}"));
    }
}

#[test]
fn connect_tells_how_an_open_ended() {
    same_as_kernel("connect");
}

#[test]
fn addresses_in_each_state() {
    same_as_kernel("names");
}

#[test]
fn readiness_of_each_state() {
    same_as_kernel("ready");
}

/// The kernel judges them from then on. A child of an embedded program has no engine.
#[test]
fn sets_are_shared_nested_and_passed_as_the_kernels() {
    let expected = output(Stack::Kernel, "sets", |_, _| {});
    assert_same(&output(Stack::Sockeye, "sets", |_, _| {}), &expected, "sets");
}

/// A host process has to run first, so there it takes some microseconds.
#[test]
fn what_close_does_is_seen_when_it_returns() {
    let closing = |stack, arguments: &[&str]| {
        let world = World::new(stack);
        Running::start(world.caller("closing", arguments)).finish_well()
    };
    let expected = closing(Stack::Kernel, &[]);
    assert!(expected.contains("FIN of close(): seen"), "{expected}");
    assert_same(&closing(Stack::Embedded, &[]), &expected, "embedded");
    assert_same(&closing(Stack::Sockeye, &["soon"]), &expected, "hosted");
}

#[test]
fn each_connection_is_accepted_once_by_whichever_process() {
    let expected = output(Stack::Kernel, "accepts", |_, _| {});
    assert_same(&output(Stack::Sockeye, "accepts", |_, _| {}), &expected, "accepts");
}

#[test]
fn children_with_another_root_folder_or_user_serve() {
    let expected = output(Stack::Kernel, "jailed", |_, _| {});
    assert_same(&output(Stack::Sockeye, "jailed", |_, _| {}), &expected, "jailed");
}

#[test]
fn calls_that_others_or_signals_meet() {
    same_as_kernel("interplay");
}

/// MUST-31, MUST-32 (3.8.5).
#[test]
fn must_31_must_32_urgent_data_are_told_and_found() {
    same_as_kernel("urgent");
}

/// Options that differ from the kernel's: which steps (all of them, if none is named), and why.
const DIFFERENT: &[(&[&str], &[&str], &str)] = &[
    (&["SO_SNDBUF", "SO_RCVBUF"], &["default", "in 4", "in 2", "-1"], "a setting of the host"),
    (&["SO_RCVLOWAT"], &["-1"], "half of the largest tcp_rmem, a setting of the host"),
    (
        &["TCP_SYNCNT", "TCP_FASTOPEN_KEY", "TCP_CONGESTION", "TCP_CC_INFO"],
        &["default", "in 4", "in 2"],
        "a setting of the host",
    ),
    (
        &["TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_LINGER2"],
        &["default", "in 4", "in 2"],
        "a setting of the host",
    ),
    (
        &["TCP_FASTOPEN", "IP_TTL", "IPV6_UNICAST_HOPS"],
        &["default", "in 4", "in 2", "-1"],
        "a setting of the host",
    ),
    (&["TCP_RTO_MAX_MS", "IPV6_V6ONLY"], &["default", "in 4", "in 2"], "a setting of the host"),
    (&["SO_COOKIE", "TCP_TIMESTAMP"], &["default", "in 4", "in 2"], "another for each socket"),
    (
        &["IP_MULTICAST_ALL"],
        &["default", "in 4", "in 2"],
        "another in each version of Linux, of IPv6 sockets",
    ),
    (&["TCP_TIMESTAMP"], &["in 0"], "a clock that nobody is shown"),
    (&["TCP_MD5SIG", "TCP_MD5SIG_EXT", "TCP_AO_ADD_KEY", "TCP_AO_DEL_KEY", "TCP_AO_INFO"], &[], "not there"),
    (
        &["TCP_AO_GET_KEYS", "TCP_AO_REPAIR", "TCP_ULP"],
        &[],
        "not there, or a module that the kernel may lack",
    ),
    (
        &["TCP_REPAIR", "TCP_REPAIR_QUEUE", "TCP_REPAIR_WINDOW", "TCP_QUEUE_SEQ"],
        &[],
        "no repair, whoever asks",
    ),
    (&["TCP_REPAIR_OPTIONS"], &[], "no repair, whoever asks"),
    (&["TCP_TX_DELAY", "TCP_ZEROCOPY_RECEIVE"], &[], "not there"),
    (&["TCP_SAVE_SYN", "TCP_SAVED_SYN"], &[], "not there"),
    (&["SO_ATTACH_FILTER", "SO_ATTACH_BPF", "SO_BPF_EXTENSIONS"], &[], "no filters"),
    (&["SO_ATTACH_REUSEPORT_CBPF", "SO_ATTACH_REUSEPORT_EBPF", "SO_DETACH_REUSEPORT_BPF"], &[], "no filters"),
    (
        &["SO_BUSY_POLL", "SO_BUSY_POLL_BUDGET", "SO_INCOMING_CPU"],
        &[],
        "no interrupts, and no CPUs of sockets",
    ),
    (
        &["SO_TXTIME", "SO_RESERVE_MEM", "SO_MEMINFO", "SO_NETNS_COOKIE"],
        &[],
        "the kernel's memory and name spaces",
    ),
    (&["SO_BINDTOIFINDEX", "IP_UNICAST_IF", "IPV6_UNICAST_IF", "SO_BINDTODEVICE"], &[], "no devices"),
    (&["SO_BUF_LOCK"], &[], "not there"),
    (
        &["IP_TRANSPARENT", "IPV6_TRANSPARENT", "IPV6_FREEBIND"],
        &[],
        "no transparent proxies; IP_FREEBIND is there",
    ),
    (&["IPV6_MTU", "IPV6_DONTFRAG", "IPV6_RECVFRAGSIZE"], &[], "IPV6_MTU is only to read; no fragments"),
    (&["IPV6_AUTOFLOWLABEL", "IPV6_ADDR_PREFERENCES"], &[], "settings of the host"),
    (
        &["SO_PASSCRED", "SO_PASSSEC", "IP_PROTOCOL", "SO_PEERSEC"],
        &[],
        "another in each version of Linux, or each kind of kernel",
    ),
];

/// Options that kernels lack which are older than 6.18, in whole or for streams.
const YOUNG: &[&str] = &[
    "SO_PEEK_OFF",
    "SO_PREFER_BUSY_POLL",
    "SO_TXREHASH",
    "SO_RCVMARK",
    "TCP_IS_MPTCP",
    "TCP_RTO_MAX_MS",
    "IP_LOCAL_PORT_RANGE",
    "IP_RECVERR_RFC4884",
    "IPV6_RECVERR_RFC4884",
    "IPV6_MULTICAST_ALL",
];

/// Whether a line about an option may differ: the option, the family, the step, and what the kernel says.
fn may_differ(name: &str, step_and_result: &str) -> bool {
    let is_step = |step: &&str| step_and_result.strip_prefix(step).is_some_and(|rest| rest.starts_with(' '));
    let is_listed = DIFFERENT
        .iter()
        .any(|(names, steps, _)| names.contains(&name) && (steps.is_empty() || steps.iter().any(is_step)));
    let result = step_and_result.rsplit(' ').next().unwrap_or_default();
    // Whoever runs the tests may have less of a privilege than root has elsewhere.
    let is_denied = matches!(result, "EPERM" | "EACCES");
    is_listed
        || is_denied
        || (YOUNG.contains(&name) && matches!(result, "ENOPROTOOPT" | "EOPNOTSUPP" | "EINVAL"))
}

/// Lines of `options`, as option, family, and the rest.
fn about_options(text: &str) -> HashMap<(String, String), Vec<String>> {
    let mut lines: HashMap<(String, String), Vec<String>> = HashMap::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ' ');
        let mut part = || parts.next().expect("three parts").to_string();
        lines.entry((part(), part())).or_default().push(part());
    }
    lines
}

#[test]
fn every_option_is_as_the_kernel_has_it() {
    let kernel = about_options(&output(Stack::Kernel, "options", |_, _| {}));
    for stack in [Stack::Sockeye, Stack::Embedded] {
        let ours = about_options(&output(stack, "options", |_, _| {}));
        assert_eq!(ours.len(), kernel.len());
        let mut wrong = Vec::new();
        for ((name, family), expected) in &kernel {
            let expected: Vec<&String> = expected.iter().filter(|line| !may_differ(name, line)).collect();
            let found = &ours[&(name.clone(), family.clone())];
            let lacks = expected.iter().filter(|line| !found.contains(line));
            wrong.extend(lacks.map(|line| format!("{name} {family}: not {line}")));
        }
        wrong.sort();
        assert!(wrong.is_empty(), "{stack:?}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn files_are_sent() {
    same_as_kernel("files");
}

#[test]
fn text_is_spliced_between_pipes_and_sockets() {
    same_as_kernel("splice");
}

#[test]
fn at_the_limit_of_descriptors_what_cannot_be_had_waits() {
    same_as_kernel("limits");
}

#[test]
fn sockets_get_the_lowest_numbers_and_leave_others_alone() {
    same_as_kernel("numbers");
}

/// In embedded mode a connection ends with its program.
#[test]
fn other_processes_hold_the_connections_that_they_get() {
    let expected = output(Stack::Kernel, "processes", |_, _| {});
    assert_same(&output(Stack::Sockeye, "processes", |_, _| {}), &expected, "processes");
}

#[test]
fn peeking_goes_on_and_listeners_hand_options_down() {
    same_as_kernel("peek");
}

#[test]
fn reads_are_told_when_their_text_arrived() {
    same_as_kernel("times");
}

#[test]
fn options_and_numbers_in_shared_memory_are_those_of_the_moment() {
    same_as_kernel("words");
}

#[test]
fn calls_that_wait_outlive_their_descriptor() {
    same_as_kernel("replaced");
}

#[test]
fn children_and_daemons_have_sockets_of_their_own() {
    same_as_kernel("generations");
}

#[test]
fn the_port_of_who_was_killed_is_free() {
    same_as_kernel("successor");
}

#[test]
fn threads_are_cancelled_after_the_calls_that_they_are_in() {
    same_as_kernel("cancelled");
}

#[test]
fn a_thread_is_cancelled_after_the_first_call_of_a_program() {
    same_as_kernel("first_call");
}
