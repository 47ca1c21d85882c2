use super::*;

/// So many that not all are looked at in a round.
const MANY: u64 = 10 * FEW as u64;

fn all() -> BTreeMap<u64, ()> {
    (0..MANY).map(|number| (3 * number, ())).collect()
}

/// Who is looked at in a round, where these have something to do.
fn round(rota: &mut Rota, all: &BTreeMap<u64, ()>, due: &[u64]) -> Vec<u64> {
    round_at(Instant::from_nanos(1), rota, all, due)
}

fn round_at(now: Instant, rota: &mut Rota, all: &BTreeMap<u64, ()>, due: &[u64]) -> Vec<u64> {
    let mut looked = Vec::new();
    rota.look_at_some(now, all, |number, ()| {
        looked.push(number);
        due.contains(&number)
    });
    looked
}

#[test]
fn few_are_all_looked_at_in_each_round() {
    let few: BTreeMap<u64, ()> = (0..FEW as u64).map(|number| (number, ())).collect();
    let mut rota = Rota::default();
    for _ in 0..3 {
        assert_eq!(round(&mut rota, &few, &[]), few.keys().copied().collect::<Vec<_>>());
    }
}

#[test]
fn each_of_many_has_its_turn() {
    let (mut rota, all) = (Rota::default(), all());
    for _ in 0..3 {
        let mut looked: Vec<u64> =
            (0..=MANY / FEW as u64).flat_map(|_| round(&mut rota, &all, &[])).collect();
        looked.sort_unstable();
        assert_eq!(looked, all.keys().copied().collect::<Vec<_>>());
    }
}

#[test]
fn who_had_something_to_do_is_looked_at_in_each_round() {
    let (mut rota, all) = (Rota::default(), all());
    let due = 3 * (FEW as u64 + 1);
    assert!(!round(&mut rota, &all, &[due]).contains(&due));
    assert_eq!(round(&mut rota, &all, &[due]).iter().filter(|&&number| number == due).count(), 1);
    for _ in 1..LATELY {
        let looked = round(&mut rota, &all, &[]);
        assert_eq!(looked[0], due);
        assert!(looked.len() <= FEW + 1);
    }
    // It is one of the others again.
    round(&mut rota, &all, &[]);
    let rounds = (0..=MANY / FEW as u64).filter(|_| round(&mut rota, &all, &[]).contains(&due)).count();
    assert_eq!(rounds, 1);
}

#[test]
fn more_are_looked_at_after_a_round_that_took_long() {
    let (mut rota, all) = (Rota::default(), all());
    let mut look = |nanos| round_at(Instant::from_nanos(nanos), &mut rota, &all, &[]).len();
    assert_eq!([look(1), look(101), look(40_101)], [FEW, FEW, FEW + 100]);
    assert_eq!(look(1 << 60), all.len() - 3 * FEW - 100);
}

#[test]
fn who_is_gone_is_forgotten() {
    let (mut rota, mut all) = (Rota::default(), all());
    round(&mut rota, &all, &[0]);
    assert!(rota.is_busy(0));
    all.remove(&0);
    assert!(!round(&mut rota, &all, &[]).contains(&0));
    assert!(!rota.is_busy(0));
}

#[test]
fn who_is_found_due_is_looked_at_next() {
    let mut all: BTreeMap<u64, bool> = (0..MANY).map(|number| (number, false)).collect();
    let mut rota = Rota::default();
    assert!(!rota.turn_to(&all, |&is_due| is_due));
    all.insert(MANY - 5, true);
    assert!(rota.turn_to(&all, |&is_due| is_due));
    let mut found = Vec::new();
    rota.look_at_some(Instant::from_nanos(1), &all, |number, &is_due| {
        found.extend(is_due.then_some(number));
        is_due
    });
    assert_eq!(found, [MANY - 5]);
}
