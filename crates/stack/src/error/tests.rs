use super::{ALL, Error};

#[test]
fn every_code_leads_back_to_its_error() {
    for error in ALL {
        assert_eq!(Error::from_code(error.code()), Some(error));
    }
    let last = ALL.iter().map(|error| error.code()).max().unwrap_or(0);
    assert_eq!(last as usize, ALL.len(), "an error is missing from the list");
    assert_eq!(Error::from_code(0), None);
    assert_eq!(Error::from_code(last + 1), None);
}
