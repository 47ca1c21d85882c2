//! What calls give, line by line: the same from the kernel and from Sockeye in both of its modes.

mod common;

use common::{Running, Stack, World};
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
fn readiness_of_each_state() {
    same_as_kernel("ready");
}

/// MUST-31, MUST-32 (3.8.5).
#[test]
fn must_31_must_32_urgent_data_are_told_and_found() {
    same_as_kernel("urgent");
}
