use std::sync::{Barrier, Mutex};

use super::*;

struct Fake {
    order: Mutex<Vec<&'static str>>,
    both: Barrier,
    never: Mutex<()>,
}

fn fake() -> Arc<Fake> {
    Arc::new(Fake { order: Mutex::default(), both: Barrier::new(2), never: Mutex::default() })
}

fn check(
    id: &'static str,
    needs: &'static [&'static str],
    look: fn(&Fake) -> Outcome,
) -> Check<Fake> {
    let deadline = Duration::from_secs(20);
    Check {
        id,
        name: id,
        step: Some(Step::Connect),
        needs,
        after: &[],
        deadline,
        late: "wait",
        look,
    }
}

fn good(_: &Fake) -> Outcome {
    Outcome::passed("seen")
}

fn bad(_: &Fake) -> Outcome {
    Outcome::failed(None, "wrong\u{7}", "mend it")
}

fn skipped(done: &Done) -> &str {
    match &done.outcome {
        Outcome::Skipped { because } => because,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_needs_a_failed_one_is_skipped_and_so_is_what_needs_that() {
    let table = [
        check("c", &["b"], good),
        check("b", &["a"], good),
        check("a", &[], bad),
        check("d", &[], good),
    ];
    let done = run(&table, &fake(), &[]).expect("a good table");
    assert_eq!(done.iter().map(|done| done.id).collect::<Vec<_>>(), ["c", "b", "a", "d"]);
    assert_eq!((skipped(&done[0]), skipped(&done[1])), ("because of: a", "because of: a"));
    let fault = Outcome::failed(Step::Connect, "wrong\\u{7}", "mend it");
    assert_eq!((&done[2].outcome, &done[3].outcome), (&fault, &Outcome::passed("seen")));
}

#[test]
fn what_only_comes_after_another_is_run_however_that_ended() {
    fn first(fake: &Fake) -> Outcome {
        fake.order.lock().expect("one").push("first");
        bad(fake)
    }
    fn second(fake: &Fake) -> Outcome {
        fake.order.lock().expect("one").push("second");
        good(fake)
    }
    let table =
        [Check { after: &["first"], ..check("second", &[], second) }, check("first", &[], first)];
    let context = fake();
    let done = run(&table, &context, &[]).expect("a good table");
    assert_eq!(done[0].outcome, Outcome::passed("seen"));
    assert_eq!(*context.order.lock().expect("one"), ["first", "second"]);
}

#[test]
fn independent_checks_run_side_by_side() {
    // Neither returns before the other has begun.
    fn meet(fake: &Fake) -> Outcome {
        fake.both.wait();
        Outcome::passed("met")
    }
    let done = run(&[check("a", &[], meet), check("b", &[], meet)], &fake(), &[]);
    assert!(done.expect("good").iter().all(|done| done.outcome == Outcome::passed("met")));
}

#[test]
fn one_that_is_late_has_failed_and_holds_nobody_up() {
    fn hang(fake: &Fake) -> Outcome {
        drop(fake.never.lock());
        Outcome::passed("too late")
    }
    let context = fake();
    let held = context.never.lock().expect("free");
    let late = Check { deadline: Duration::from_millis(20), ..check("late", &[], hang) };
    let table = [late, check("behind", &["late"], good), check("other", &[], good)];
    let done = run(&table, &context, &[]).expect("a good table");
    drop(held);
    assert!(
        matches!(&done[0].outcome, Outcome::Failed(fault) if fault.what.contains("no answer within"))
    );
    assert_eq!(skipped(&done[1]), "because of: late");
    assert_eq!(done[2].outcome, Outcome::passed("seen"));
}

#[test]
fn what_was_found_before_counts() {
    let before = run(&[check("a", &[], bad), check("b", &[], good)], &fake(), &[]).expect("good");
    let done = run(&[check("c", &["a"], good), check("d", &["b"], good)], &fake(), &before);
    let done = done.expect("a good table");
    assert_eq!(skipped(&done[0]), "because of: a");
    assert_eq!(done[1].outcome, Outcome::passed("seen"));
}

#[test]
fn a_table_that_makes_no_sense_is_refused() {
    let refused = |table: &[Check<Fake>]| run(table, &fake(), &[]).expect_err("refused");
    let cycle = [check("a", &["b"], good), check("b", &["a"], good)];
    assert_eq!(refused(&cycle), BadTable::Cycle("a"));
    assert_eq!(refused(&[check("a", &["x"], good)]), BadTable::Unknown("a", "x"));
    assert_eq!(refused(&[check("a", &[], good), check("a", &[], good)]), BadTable::Twice("a"));
}

#[test]
fn a_step_in_a_hint_is_the_faults() {
    let failure = Failure::new("no").hint("step 5 (Azure DevOps and tenant): look there");
    assert_eq!(Outcome::from(failure), Outcome::failed(Step::Organization, "no", "look there"));
    assert_eq!(Outcome::from(Failure::new("no")), Outcome::failed(None, "no", ""));
}
