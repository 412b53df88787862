//! Whom a policy fits, and what its document refuses.

use super::*;
use crate::domain::dunning::builtin;

fn facts(jurisdiction: &Jurisdiction) -> ScopeFacts<'_> {
    ScopeFacts {
        kind: CustomerKind::Business,
        segment: None,
        jurisdiction,
        language: None,
        score: None,
        profile: None,
        currency: Currency::EUR,
        total_minor: 10_000,
    }
}

#[test]
fn consumers_must_be_named() {
    let france = "FR".parse().unwrap();
    let consumer = ScopeFacts { kind: CustomerKind::Consumer, ..facts(&france) };
    assert!(builtin::crescendo().matches(&facts(&france)) && !builtin::crescendo().matches(&consumer));
    assert!(builtin::consumer_safe().matches(&consumer));
}

#[test]
fn a_country_covers_its_regions() {
    let (country, region): (Jurisdiction, Jurisdiction) = ("DE".parse().unwrap(), "DE-BY".parse().unwrap());
    assert!(covers(&country, &region) && !covers(&region, &country));
}

#[test]
fn the_highest_priority_wins_and_the_first_of_equals() {
    let france = "FR".parse().unwrap();
    let with = |priority, total_min: Vec<Threshold>| {
        let scope = Scope { priority, total_min, ..Scope::default() };
        Policy { scope, ..builtin::crescendo() }
    };
    let large = vec![Threshold { currency: Currency::EUR, minor: 10_001 }];
    let policies = [with(0, vec![]), with(5, vec![]), with(5, vec![]), with(9, large)];
    assert_eq!(choose(policies.iter().enumerate(), &facts(&france)).map(|(n, _)| n), Some(1));
}

#[test]
fn the_document_round_trips_and_refuses_what_it_does_not_know() {
    let json = serde_json::to_value(builtin::gentle()).unwrap();
    assert_eq!(serde_json::from_value::<Policy>(json.clone()).unwrap(), builtin::gentle());
    let mut wrong = json;
    wrong["steps"][0]["colour"] = "red".into();
    assert!(serde_json::from_value::<Policy>(wrong).is_err());
    let weekly = r#"{"cadence":{"every":"weekly","weekdays":["tue"]},"max_count":3}"#;
    assert!(serde_json::from_str::<Repeat>(weekly).is_ok());
    assert!(serde_json::from_str::<Repeat>(r#"{"cadence":{"every":"daily","day":3}}"#).is_err());
}
