use super::*;
use crate::congestion::dctcp::Dctcp;
use crate::congestion::window::Window;

/// A window of observation of ten segments of which `marked` are.
fn observe(dctcp: &mut Dctcp, marked: u32) {
    let flow = Flow::new(CongestionControl::Dctcp);
    for segment in 0..10 {
        let una = flow.una + (segment + 1) * MSS;
        dctcp.observe(&AckSample { una, ece: segment < marked, ..flow.sample(1) });
    }
}

/// RFC 8257, 3.3: alpha = alpha (1 - g) + g M, with g = 1/16.
#[test]
fn alpha_is_a_moving_average_of_the_marked_part() {
    let mut dctcp = Dctcp::new();
    assert_eq!(dctcp.alpha(), 1024, "it begins with 1");
    let mut reference = 1.0;
    for marked in [0, 0, 0, 5, 5, 10, 10, 0, 3, 3, 3, 3] {
        let flow = Flow::new(CongestionControl::Dctcp);
        assert_eq!(flow.cwnd(), 10);
        observe(&mut dctcp, marked);
        reference = reference * 15.0 / 16.0 + f64::from(marked) / 10.0 / 16.0;
        let alpha = f64::from(dctcp.alpha()) / 1024.0;
        assert!((alpha - reference).abs() < 0.01, "{alpha}, not {reference}");
    }
    for _ in 0..200 {
        observe(&mut dctcp, 0);
    }
    assert_eq!(dctcp.alpha(), 0, "it reaches 0");
}

/// RFC 8257, 3.3, step 9: cwnd (1 - alpha / 2).
#[test]
fn an_echo_takes_off_half_of_alpha() {
    let window = Window::new(100 * MSS, MSS);
    let mut dctcp = Dctcp::new();
    assert_eq!(dctcp.after_echo(&window), 50);
    for _ in 0..100 {
        observe(&mut dctcp, 2);
    }
    let segments = dctcp.after_echo(&window);
    assert!((89..=91).contains(&segments), "alpha is 0.2: {segments}");
}

/// RFC 8257, 3.4: a loss is a loss.
#[test]
fn a_loss_halves_cwnd() {
    let mut flow = Flow::new(CongestionControl::Dctcp);
    for _ in 0..5 {
        flow.round(Duration::from_millis(1));
    }
    let cwnd = flow.cwnd();
    flow.lose();
    assert_eq!(flow.cwnd(), cwnd / 2);
}
