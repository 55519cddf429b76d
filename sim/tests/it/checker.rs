//! The checker accepts what is linearizable and rejects what is not.

use gossamer_sim::check::{Rejected, check};
use gossamer_sim::history::{Call, Condition, Operation, Return};

fn operation(call: Call, back: Return, called_at: u64, returned_at: u64) -> Operation {
    Operation { name: "n".to_owned(), call, back, called_at, returned_at }
}

fn put(value: u64, version: u64, from: u64, to: u64) -> Operation {
    operation(Call::Put { value, condition: Condition::None }, Return::Written(version), from, to)
}

fn put_unknown(value: u64, from: u64) -> Operation {
    operation(Call::Put { value, condition: Condition::None }, Return::Unknown, from, from + 1)
}

fn put_if(value: u64, condition: Condition, back: Return, from: u64, to: u64) -> Operation {
    operation(Call::Put { value, condition }, back, from, to)
}

fn get(value: u64, version: u64, from: u64, to: u64) -> Operation {
    operation(Call::Get, Return::Found { version, value }, from, to)
}

fn get_nothing(from: u64, to: u64) -> Operation {
    operation(Call::Get, Return::Nothing, from, to)
}

fn delete(version: u64, from: u64, to: u64) -> Operation {
    operation(Call::Delete, Return::Removed(version), from, to)
}

/// Histories that a correct store may produce, the awkward ones among them.
#[test]
fn good_histories_pass() {
    let good: Vec<(&str, Vec<Operation>)> = vec![
        ("one after the other", vec![put(1, 5, 0, 1), get(1, 5, 2, 3), put(2, 6, 4, 5), get(2, 6, 6, 7)]),
        ("a read beside a write sees either", vec![put(1, 5, 0, 10), get_nothing(1, 2), get(1, 5, 3, 4)]),
        ("an unknown write seen late", vec![put_unknown(1, 0), get_nothing(2, 3), get(1, 7, 10, 11)]),
        ("an unknown write never seen", vec![put_unknown(1, 0), put(2, 4, 2, 3), get(2, 4, 5, 6)]),
        (
            "an unknown write after a later write",
            vec![put_unknown(1, 0), put(2, 4, 2, 3), get(2, 4, 4, 5), get(1, 9, 6, 7)],
        ),
        (
            "one of two if-absent wins",
            vec![
                put_if(1, Condition::IfAbsent, Return::ConditionFailed, 0, 9),
                put_if(2, Condition::IfAbsent, Return::Written(3), 0, 9),
                get(2, 3, 10, 11),
            ],
        ),
        ("delete and put again", vec![put(1, 2, 0, 1), delete(2, 2, 3), get_nothing(4, 5), put(2, 8, 6, 7)]),
    ];
    for (what, history) in good {
        assert_eq!(check(&history), Ok(()), "{what}");
    }
}

/// Ten histories that no correct store produces.
#[test]
fn ten_bad_histories_are_rejected() {
    let bad: Vec<(&str, Vec<Operation>)> = vec![
        ("a stale read", vec![put(1, 5, 0, 1), put(2, 6, 2, 3), get(1, 5, 4, 5)]),
        ("a lost write", vec![put(1, 5, 0, 1), get_nothing(2, 3)]),
        ("a read of what nobody wrote", vec![put(1, 5, 0, 1), get(3, 5, 2, 3)]),
        ("a read of what comes later", vec![get(1, 5, 0, 1), put(1, 5, 2, 3)]),
        ("reads that go back", vec![put(1, 5, 0, 1), put(2, 6, 2, 20), get(2, 6, 3, 4), get(1, 5, 5, 6)]),
        (
            "two if-absent both win",
            vec![
                put_if(1, Condition::IfAbsent, Return::Written(3), 0, 9),
                put_if(2, Condition::IfAbsent, Return::Written(4), 0, 9),
            ],
        ),
        (
            "if-version over a version long gone",
            vec![
                put(1, 5, 0, 1),
                put(2, 6, 2, 3),
                put_if(3, Condition::IfVersion(5), Return::Written(7), 4, 5),
            ],
        ),
        ("a deleted file comes back", vec![put(1, 2, 0, 1), delete(2, 2, 3), get(1, 2, 4, 5)]),
        (
            "an unknown write applied twice",
            vec![put_unknown(1, 0), get(1, 4, 2, 3), put(2, 5, 4, 5), get(2, 5, 6, 7), get(1, 8, 8, 9)],
        ),
        (
            "a condition fails although it holds",
            vec![put(1, 5, 0, 1), put_if(2, Condition::IfVersion(5), Return::ConditionFailed, 2, 3)],
        ),
    ];
    assert_eq!(bad.len(), 10);
    for (what, history) in bad {
        assert_eq!(check(&history), Err(Rejected::NotLinearizable("n".to_owned())), "{what}");
    }
}

/// Two puts with one version, and a history in which nothing succeeded, are no histories to believe.
#[test]
fn other_rejections() {
    let twice = [put(1, 5, 0, 1), put(2, 5, 2, 3)];
    assert_eq!(check(&twice), Err(Rejected::VersionTwice { name: "n".to_owned(), version: 5 }));
    assert_eq!(check(&[put_unknown(1, 0)]), Err(Rejected::Vacuous));
}
