use super::*;

#[test]
fn other_preloaded_libraries_stay() {
    let library = Path::new("/l/libsockeye.so");
    assert_eq!(preload(library, None), "/l/libsockeye.so");
    assert_eq!(preload(library, Some("".into())), "/l/libsockeye.so");
    assert_eq!(preload(library, Some("/x.so".into())), "/l/libsockeye.so:/x.so");
}

#[test]
fn the_way_stands_in_the_environment() {
    let mut command = Command::new("true");
    let options = HostedOptions { socket: Some("/s".into()), network: None, host: Some("server".into()) };
    set_way(&mut command, &options);
    let set: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(set, ["SOCKEYE_AS", "SOCKEYE_SOCKET"]);
}
