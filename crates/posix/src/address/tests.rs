use super::*;

fn v4(text: &str) -> Vec<u8> {
    Structure::new(text.parse().expect("an address"), Family::V4).as_bytes().to_vec()
}

fn v6(text: &str) -> Vec<u8> {
    Structure::new(text.parse().expect("an address"), Family::V6).as_bytes().to_vec()
}

#[test]
fn addresses_survive_the_way_through_c() {
    let address = "192.168.0.195:8002".parse().expect("an address");
    assert_eq!(parse(&v4("192.168.0.195:8002"), Family::V4, Use::Bind), Ok(address));
    let address = "[fe80::1%3]:8002".parse().expect("an address");
    assert_eq!(parse(&v6("[fe80::1%3]:8002"), Family::V6, Use::Connect), Ok(address));
}

#[test]
fn layout_is_that_of_c() {
    assert_eq!(size_of::<libc::sockaddr_in>(), V4_LENGTH);
    assert_eq!(size_of::<libc::sockaddr_in6>(), V6_LENGTH);
    assert_eq!(size_of::<libc::sockaddr_storage>(), MAX_LENGTH);
    assert_eq!(v4("1.2.3.4:258"), [2, 0, 1, 2, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn v4_address_is_mapped_for_a_v6_socket() {
    assert_eq!(v6("127.0.0.1:80"), v6("[::ffff:127.0.0.1]:80"));
}

#[test]
fn lengths_are_linux_s() {
    let good = v4("127.0.0.1:80");
    for length in 0..V4_LENGTH {
        assert_eq!(parse(&good[..length], Family::V4, Use::Bind), Err(Errno::INVAL), "{length}");
    }
    let mut long = good.clone();
    long.resize(MAX_LENGTH, 0);
    assert!(parse(&long, Family::V4, Use::Bind).is_ok());
    long.push(0);
    assert_eq!(parse(&long, Family::V4, Use::Bind), Err(Errno::INVAL));
    let good = v6("[::1]:80");
    assert_eq!(parse(&good[..V6_SHORT_LENGTH - 1], Family::V6, Use::Bind), Err(Errno::INVAL));
    assert!(parse(&good[..V6_SHORT_LENGTH], Family::V6, Use::Bind).is_ok());
}

#[test]
fn other_families_are_refused() {
    assert_eq!(parse(&v6("[::1]:80"), Family::V4, Use::Bind), Err(Errno::AFNOSUPPORT));
    let mut long = v4("127.0.0.1:80");
    long.resize(V6_LENGTH, 0);
    assert_eq!(parse(&long, Family::V6, Use::Connect), Err(Errno::AFNOSUPPORT));
}

#[test]
fn unspecified_family_binds_only_the_wildcard_and_never_connects() {
    let unspecified = |text| {
        let mut bytes = v4(text);
        bytes[..2].fill(0);
        bytes
    };
    assert!(parse(&unspecified("0.0.0.0:80"), Family::V4, Use::Bind).is_ok());
    assert_eq!(parse(&unspecified("127.0.0.1:80"), Family::V4, Use::Bind), Err(Errno::AFNOSUPPORT));
    assert_eq!(parse(&unspecified("0.0.0.0:80"), Family::V4, Use::Connect), Err(Errno::AFNOSUPPORT));
}
