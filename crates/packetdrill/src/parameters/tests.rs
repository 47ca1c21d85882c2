use super::instead_of;

#[test]
fn only_parameters_go_nowhere() {
    assert_eq!(instead_of(c"/sys/module/tcp_cubic/parameters/hystart"), Some(c"/dev/null"));
    assert_eq!(instead_of(c"/sys/module/tun/parameters/x"), None);
    assert_eq!(instead_of(c"/etc/passwd"), None);
}
