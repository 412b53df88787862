use super::*;
use crate::domain::{
    dunning::{builtin, policy::Cap as Most},
    ledger::interest::PolicyInterest,
    template::source::Source,
};

fn rules(policy: &Policy) -> Vec<&'static str> {
    breaches(policy).0.iter().map(|fault| fault.code).collect()
}

/// A lawful policy for consumers at `place`, changed.
fn broken(place: &str, change: impl FnOnce(&mut Policy)) -> Vec<&'static str> {
    let mut policy = builtin::consumer_safe();
    policy.scope.jurisdictions = vec![place.parse().unwrap()];
    change(&mut policy);
    rules(&policy)
}

fn interest(from: &str) -> Option<PolicyInterest> {
    Some(PolicyInterest { show_from_step: Some(from.to_owned()), charge: InterestHandling::Shown, not_before_days: 0 })
}

#[test]
fn a_policy_for_businesses_owes_nothing() {
    assert_eq!(rules(&builtin::crescendo()), Vec::<&str>::new());
}

#[test]
fn the_policy_for_consumers_and_its_texts_keep_every_row() {
    let policy = builtin::consumer_safe();
    assert_eq!(breaches(&policy), Faults::none());
    let texts: Vec<Source> = policy.templates().map(|(.., key)| Source::builtin(key).unwrap()).collect();
    let keys: Vec<&str> = policy.templates().map(|(.., key)| key).collect();
    let find = |key: &str| texts.get(keys.iter().position(|known| *known == key)?);
    for home in ["FR", "BE", "NL", "LU", "GB", "CA", "US"] {
        assert_eq!(unlawful_texts(&policy, &home.parse().unwrap(), find), Faults::none(), "{home}");
    }
}

#[test]
fn names_and_places_are_well_formed_and_single() {
    let mut names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TABLE.len());
    for row in TABLE {
        assert!(row.place.is_empty() || row.place.parse::<Jurisdiction>().is_ok_and(|place| place.as_str() == row.place), "{}", row.place);
        assert!(!row.source.is_empty() && row.name.len() <= 60 && row.source.len() <= 300 && row.demand.to_string().len() <= 800);
    }
}

#[test]
fn the_crescendo_is_too_fast_for_belgian_consumers() {
    let mut policy = builtin::crescendo();
    policy.scope.kinds = vec![CustomerKind::Consumer];
    policy.scope.jurisdictions = vec!["BE".parse().unwrap()];
    assert_eq!(rules(&policy), ["be.first_reminder_free", "be.first_reminder_wait", "be.term_named"]);
    policy.scope.jurisdictions = vec!["FR".parse().unwrap()];
    assert_eq!(rules(&policy), Vec::<&str>::new());
}

#[test]
fn interest_waits_for_a_free_reminder_and_its_days() {
    for (place, rule) in [("BE", "be.first_reminder_free"), ("NL", "nl.fourteen_days_free"), ("FR", "consumer.first_reminder_free")] {
        let shown = |from: &'static str, days: i32| {
            move |policy: &mut Policy| {
                policy.interest = interest(from);
                policy.steps[2].offset_days = policy.steps[1].offset_days + days;
            }
        };
        assert_eq!(broken(place, shown("first_reminder", 16)), [rule], "{place}: with the reminder");
        assert_eq!(broken(place, shown("upcoming", 16)), [rule], "{place}: before it");
        assert_eq!(broken(place, shown("sms_reminder", 15)), Vec::<&str>::new(), "{place}");
        let days = if place == "FR" { 0 } else { 14 };
        assert_eq!(broken(place, shown("sms_reminder", days)), [rule], "{place}: {days} days");
        let held_back = |policy: &mut Policy| {
            policy.interest = interest("first_reminder").map(|interest| PolicyInterest { charge: InterestHandling::Never, ..interest });
        };
        assert_eq!(broken(place, held_back), Vec::<&str>::new());
    }
    let posted = |policy: &mut Policy| {
        policy.interest = interest("sms_reminder");
        policy.steps[1].channel = Channel::Letter;
    };
    assert_eq!(broken("BE", posted), ["be.first_reminder_free"], "a letter takes longer");
    let defaulted = |policy: &mut Policy| policy.interest = Some(PolicyInterest { show_from_step: None, ..interest("").unwrap() });
    assert_eq!(broken("FR", defaulted), ["consumer.first_reminder_free"], "by default it is shown from the first step on");
}

#[test]
fn a_term_a_pause_and_a_letter_first_are_demanded_where_they_are_law() {
    let short = |policy: &mut Policy| policy.steps[1].deadline_days = Some(13);
    assert_eq!((broken("BE", short), broken("NL", short), broken("FR", short)), (vec!["be.term_named"], vec!["nl.term_named"], vec![]));
    let fast = |policy: &mut Policy| policy.steps[2].offset_days = 10;
    assert_eq!((broken("CA-ON", fast), broken("CA-QC", fast)), (vec!["on.six_days"], vec![]));
    let spoken = |policy: &mut Policy| policy.steps[1].channel = Channel::Call;
    assert_eq!((broken("CA-ON", spoken), broken("CA-QC", spoken)), (vec!["on.written_first"], vec!["qc.written_first"]));
}

#[test]
fn hours_holidays_and_caps_are_demanded_everywhere_unless_a_place_has_its_own() {
    let wide = |policy: &mut Policy| {
        policy.contact.window = SendWindow { skip_holidays: false, ..SendWindow::new(Weekdays::ALL, 8, 21) };
        policy.contact.caps = vec![Most { contacts: 7, days: 7 }];
    };
    assert_eq!(broken("US", wide), ["consumer.holidays"]);
    assert_eq!(broken("US", |policy| policy.contact.caps.clear()), ["us.contact_cap"]);
    assert_eq!(broken("FR", wide), ["consumer.contact_hours", "consumer.holidays", "consumer.contact_cap"]);
    assert_eq!(broken("CA-ON", wide), ["on.contact_hours", "on.contact_cap", "on.holidays"]);
    assert_eq!(broken("CA-QC", wide), ["consumer.contact_cap", "qc.contact_hours", "qc.holidays"]);
    let canada = broken("CA", wide);
    for rule in ["consumer.contact_hours", "qc.contact_hours", "qc.holidays", "on.contact_hours", "on.holidays", "on.contact_cap"] {
        assert!(canada.contains(&rule), "{rule} in {canada:?}");
    }
    assert_eq!(broken("CA-ON", |policy| policy.contact.window = SendWindow::new(Weekdays::MONDAY_TO_SATURDAY, 7, 21)), Vec::<&str>::new());
}

#[test]
fn what_may_be_said_depends_on_the_place() {
    let text = |words: &str| {
        let mut source = Source::builtin("first_reminder").unwrap();
        source.contents.values_mut().for_each(|content| content.body_text = Some(words.to_owned()));
        source
    };
    let codes = |place: &str, source: &Source| {
        let mut policy = builtin::consumer_safe();
        let faults = |policy: &Policy, home: &str| {
            let faults = unlawful_text(policy, &home.parse().unwrap(), "first_reminder", source).0.into_iter();
            let mut codes: Vec<_> = faults.map(|fault| fault.code).collect();
            codes.dedup();
            codes
        };
        let at_home = faults(&policy, place);
        policy.scope.jurisdictions = vec![place.parse().unwrap()];
        assert_eq!(faults(&policy, "JP"), at_home, "the places of the policy, or else the creditor's own");
        at_home
    };
    assert_eq!(codes("FR", &text("You will go to PRISON.")), ["consumer.no_threats"]);
    let sued = text("Nous saisirons le tribunal.");
    assert_eq!((codes("CA-QC", &sued), codes("CA-ON", &sued)), (vec!["qc.no_threat_of_proceedings"], vec![]));
    assert_eq!(codes("BE", &text("{{ total | money }}, please.")), ["be.mentions"]);
    assert_eq!((codes("BE", &Source::builtin("first_reminder").unwrap()), codes("NL", &text("Betaal."))), (vec![], vec!["nl.costs_named"]));
    let unannounced = "{{ creditor.name }} {{ creditor.registration }} {{ total }} {{ invoices[0].number }} {{ deadline }}";
    assert_eq!(codes("BE", &text(unannounced)), ["be.mentions"], "the indemnity to come");
}

#[test]
fn amounts_are_those_of_the_table_that_computes_them() {
    use crate::domain::ledger::interest::rules::{AgreedSum, rule};
    for row in TABLE.iter().filter(|row| matches!(row.demand, Amounts(_))) {
        let law = rule(&row.place.parse().unwrap(), CustomerKind::Consumer).unwrap_or_else(|| panic!("{} is computed nowhere", row.name));
        let (highest, kept) = match (row.place, law.sum, law.agreed_sum) {
            ("BE", None, AgreedSum::UpTo(scale)) => {
                ([2_000, 3_000, 6_500, 200_000].to_vec(), [15_000, 15_001, 50_001, 900_000_000].map(|debt| scale.of(debt)).to_vec())
            }
            ("NL", Some(scale), AgreedSum::UpToStatutory) => {
                ([4_000, 37_500, 62_500, 677_500].to_vec(), [1, 250_000, 500_000, 900_000_000].map(|debt| scale.of(debt)).to_vec())
            }
            ("FR" | "DE", None, AgreedSum::Never) => (vec![], vec![]),
            other => panic!("{}: {other:?}", row.name),
        };
        assert_eq!(highest, kept, "{}", row.name);
    }
}

#[test]
fn nothing_widens_the_hours_and_caps_of_a_consumers_own_place() {
    let at =
        |place: &str| lawful_window(&place.parse().unwrap(), &SendWindow { skip_holidays: false, ..SendWindow::new(Weekdays::ALL, 6, 23) });
    assert_eq!(at("FR"), SendWindow::consumer_hours());
    assert_eq!(at("CA-ON"), SendWindow::new(Weekdays::MONDAY_TO_SATURDAY, 7, 21));
    assert_eq!(at("US-CA"), SendWindow::new(Weekdays::ALL, 8, 21));
    let narrow = SendWindow::office_hours();
    assert_eq!(lawful_window(&"FR".parse().unwrap(), &narrow), narrow);
    assert_eq!(lawful_caps(&"US".parse().unwrap()).collect::<Vec<_>>(), [Most { contacts: 7, days: 7 }]);
    let named = |rule, place: &str| behind(rule, &place.parse().unwrap()).map(|row| row.name);
    assert_eq!(named(Rule::SendWindow, "CA-QC"), Some("qc.contact_hours"));
    assert_eq!(named(Rule::DebtorHoliday, "FR"), Some("consumer.holidays"));
    assert_eq!(named(Rule::ContactCap, "US-NY"), Some("us.contact_cap"));
    assert_eq!(named(Rule::Due, "FR"), None);
}
