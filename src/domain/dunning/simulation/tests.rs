//! The simulation against the decision's own examples.

use super::*;
use crate::domain::dunning::builtin;

fn paris() -> Calendar {
    Calendar::of("Europe/Paris".parse().unwrap(), "FR".parse().unwrap())
}

fn played(policy: &Policy, wanted: serde_json::Value, from: &str, last: &str) -> Simulated {
    let account: MadeUpAccount = serde_json::from_value(wanted).unwrap();
    simulate(account.make(&"FR".parse().unwrap()), policy, &paris(), from.parse().unwrap(), last.parse().unwrap())
}

fn diary(played: &Simulated) -> Vec<String> {
    let line = |day: &SimulatedDay, event: &SimulatedEvent| {
        let what = event.step.clone().or_else(|| event.reason.clone()).unwrap_or_default();
        format!("{} {what} {}", day.date.format("%m-%d"), event.total)
    };
    played.days.iter().flat_map(|day| day.events.iter().map(move |event| line(day, event))).collect()
}

#[test]
fn the_whole_crescendo_is_played_day_by_day() {
    let one = serde_json::json!({"kind": "business", "currency": "EUR", "invoices": [{"number": "F-1", "due_date": "2026-03-01", "amount": 120_000}]});
    let seen = played(&builtin::crescendo(), one, "2026-02-20T08:00:00Z", "2026-05-20");
    let expected = [
        "02-26 call_upcoming 120000",
        "03-04 first_reminder 120000",
        "03-09 call_courtesy 120000",
        "03-12 last_reminder 120000",
        "03-16 formal_notice 120000",
        "03-23 handover_review 120000",
    ];
    assert_eq!(diary(&seen), expected);
    assert!(seen.days[4].events[0].formal && seen.days[4].events[0].lines[0].advances_to.as_deref() == Some("formal_notice"));
    assert_eq!(seen.in_the_end.statements[0].rule.as_str(), "finished");
}

#[test]
fn payments_are_taken_off_on_their_day() {
    let two = serde_json::json!({"kind": "business", "currency": "EUR",
        "invoices": [{"number": "F-1", "due_date": "2026-03-01", "amount": 120_000}, {"number": "F-2", "due_date": "2026-03-01", "amount": 50_000}],
        "payments": [{"number": "F-1", "on": "2026-03-10", "amount": 120_000}, {"number": "F-2", "on": "2026-03-06", "amount": 10_000}]});
    let seen = played(&builtin::crescendo(), two, "2026-03-02T11:00:00Z", "2026-03-13");
    assert_eq!(diary(&seen), ["03-04 first_reminder 170000", "03-09 call_courtesy 160000", "03-12 last_reminder 40000"]);
    assert_eq!(seen.in_the_end.next.map(|next| next.step).as_deref(), Some("formal_notice"));
}

#[test]
fn the_last_day_is_played_to_its_end_and_no_further() {
    let one = serde_json::json!({"kind": "business", "currency": "EUR", "invoices": [{"number": "F-1", "due_date": "2026-03-01", "amount": 100}]});
    for (last, count) in [("2026-03-03", 0), ("2026-03-04", 1), ("2026-03-08", 1), ("2026-03-09", 2)] {
        assert_eq!(played(&builtin::crescendo(), one.clone(), "2026-03-02T11:00:00Z", last).days.len(), count, "{last}");
    }
}

#[test]
fn who_cannot_be_reached_is_looked_at_once() {
    let mute = serde_json::json!({"kind": "consumer", "currency": "EUR", "unreachable": ["email", "sms"],
        "invoices": [{"number": "F-1", "due_date": "2026-03-01", "amount": 100}]});
    let seen = played(&builtin::consumer_safe(), mute.clone(), "2026-03-02T11:00:00Z", "2026-04-30");
    assert_eq!(diary(&seen), ["03-06 no_recipient 0"]);
    let refused = played(&builtin::crescendo(), mute, "2026-03-02T11:00:00Z", "2026-04-30");
    assert_eq!((refused.days.len(), refused.in_the_end.statements[0].rule.as_str()), (0, "consumer_policy"));
}

#[test]
fn what_is_asked_makes_sense() {
    let codes = |wanted: serde_json::Value| -> Vec<String> {
        let wanted: SimulationRequest = serde_json::from_value(wanted).unwrap();
        wanted.check("2026-03-02".parse().unwrap()).0.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
    };
    let customer = "cus_01jd3kq8e5fvv8m3s9tqz4x7ya";
    let invoices = serde_json::json!([{"number": "F-1", "due_date": "2026-03-01", "amount": 1}]);
    let account = serde_json::json!({"kind": "business", "currency": "EUR", "invoices": invoices});
    assert_eq!(codes(serde_json::json!({})), ["/customer_id required"]);
    assert_eq!(codes(serde_json::json!({"customer_id": customer, "account": account})), ["/account contradiction"]);
    assert_eq!(codes(serde_json::json!({"customer_id": customer, "from": "2026-03-01"})), ["/from contradiction"]);
    assert_eq!(
        codes(serde_json::json!({"account": account, "currency": "EUR", "days": 401})),
        ["/days out_of_range", "/currency contradiction"]
    );
    assert_eq!(
        codes(serde_json::json!({"account": account, "from": "9999-12-31"})),
        ["/from out_of_range", "/account/invoices/0/due_date out_of_range"]
    );
    let odd = serde_json::json!({"kind": "business", "currency": "EUR", "time_zone": "Paris", "invoices": [invoices[0], invoices[0]],
        "payments": [{"number": "F-2", "on": "2026-03-01", "amount": 1}]});
    assert_eq!(
        codes(serde_json::json!({"account": odd})),
        ["/account/time_zone unknown_value", "/account/invoices/1/number duplicate", "/account/payments/0/number not_found"]
    );
}
