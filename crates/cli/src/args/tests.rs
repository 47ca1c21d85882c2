use super::*;

fn parsed(words: &[&str]) -> Result<Command, String> {
    let words = ["sockeye"].iter().chain(words);
    Arguments::try_parse_from(words)
        .map(|arguments| arguments.command)
        .map_err(|error| one_line(&error.to_string()))
}

#[test]
fn a_program_keeps_its_own_options() {
    for words in
        [&["run", "./server", "-a", "--network", "x"][..], &["run", "--", "./server", "-a", "--network", "x"]]
    {
        let Command::Run(run) = parsed(words).unwrap() else { panic!("{words:?}") };
        assert_eq!(run.program, ["./server", "-a", "--network", "x"]);
        assert_eq!(run.way.network, None);
    }
}

#[test]
fn the_way_is_read_before_the_program() {
    let words = ["run", "--network", "net.toml", "--as", "server", "--socket", "/s", "prog"];
    let Command::Run(run) = parsed(&words).unwrap() else { panic!() };
    assert_eq!(run.way.network, Some("net.toml".into()));
    assert_eq!(run.way.host.as_deref(), Some("server"));
    assert_eq!(run.way.socket, Some("/s".into()));
    assert_eq!(run.program, ["prog"]);
}

#[test]
fn netstat_takes_its_letters_together() {
    let Command::Netstat(netstat) = parsed(&["netstat", "-tanc", "2"]).unwrap() else { panic!() };
    assert!(netstat.all && netstat.tcp && netstat.numeric && !netstat.listening);
    assert_eq!(netstat.continuous, Some(2));
    let Command::Netstat(netstat) = parsed(&["netstat", "-l", "-c"]).unwrap() else { panic!() };
    assert!(netstat.listening);
    assert_eq!(netstat.continuous, Some(1));
}

#[test]
fn a_wrong_argument_is_named_in_one_line() {
    let cases = [
        (&["netstat", "--bogus"][..], "'--bogus'"),
        (&["frobnicate"], "'frobnicate'"),
        (&["run"], "<PROGRAM>"),
        (&["netstat", "-c", "soon"], "'soon'"),
        (&["host", "--idle", "-1"], "'-1'"),
        (&["run", "--bogus", "prog"], "'--bogus'"),
        (&["nestat"], "similar subcommand exists: 'netstat'"),
        (&["netstat", "--netwrk", "x"], "similar argument exists: '--network'"),
    ];
    for (words, part) in cases {
        let line = parsed(words).unwrap_err();
        assert!(
            line.contains(part) && !line.contains('\n') && line.ends_with("see sockeye --help"),
            "{line}"
        );
    }
}
