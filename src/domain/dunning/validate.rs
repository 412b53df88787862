//! What is wrong with a policy, all of it at once.
//!
//! The published schema has checked shapes and ranges already; this repeats the ranges that the decision leans on, because policies also
//! come from imports, and adds what no schema can say: order, spacing, reachability, law. Whether the templates exist
//! is the caller's question ([`Policy::templates`]).

use std::ops::RangeInclusive;

use crate::domain::{contact::Channel, invalid::Faults, money::Currency};

use super::{
    policy::{BROKEN_PLAN, BROKEN_PROMISE, Cadence, Conditions, Policy, Repeat, Scope, Step, Threshold},
    protections,
};

/// Days between the first written reminder and a formal notice.
const WARNING_DAYS: i32 = 8;
const MAX_STEPS: usize = 50;
/// How long after a word was broken it may be spoken of.
const BROKEN_WORD_DAYS: i32 = 30;
const OFFSETS: RangeInclusive<i32> = -365..=730;

/// Every fault of a policy, with JSON Pointers into its document.
pub fn validate(policy: &Policy) -> Result<(), Faults> {
    let mut faults = Faults::none();
    if policy.name.trim().is_empty() {
        faults.add("/name", "required", "give the policy a name");
    }
    if policy.steps.is_empty() || policy.steps.len() > MAX_STEPS {
        faults.add("/steps", "out_of_range", format!("{} steps given; 1 to {MAX_STEPS} are allowed", policy.steps.len()));
    }
    faults.nest("/scope", scope(&policy.scope));
    contact(policy, &mut faults);
    interest(policy, &mut faults);
    for (n, one) in policy.steps.iter().enumerate() {
        let mut part = step(one);
        part.nest("/conditions", conditions(&one.conditions));
        unreachable(policy, one, &mut part);
        faults.nest(&format!("/steps/{n}"), part);
    }
    for (place, key, aside) in
        [("/on_broken_promise", BROKEN_PROMISE, &policy.on_broken_promise), ("/on_broken_plan", BROKEN_PLAN, &policy.on_broken_plan)]
    {
        faults.nest(place, aside.as_ref().map_or_else(Faults::none, |aside| broken_word(policy, aside, key)));
    }
    order(policy, &mut faults);
    formal(policy, &mut faults);
    faults.nest("", protections::breaches(policy));
    faults.or(())
}

fn scope(scope: &Scope) -> Faults {
    let mut faults = Faults::none();
    scores(scope.score_min, scope.score_max, &mut faults);
    currencies_once("/total_min", &scope.total_min, &mut faults);
    currencies_once("/total_max", &scope.total_max, &mut faults);
    for (n, low) in scope.total_min.iter().enumerate() {
        if scope.total_max.iter().any(|high| high.currency == low.currency && high.minor < low.minor) {
            faults.add(format!("/total_min/{n}/minor"), "out_of_range", "the lower bound is above the upper one: no customer could fit");
        }
    }
    faults
}

fn contact(policy: &Policy, faults: &mut Faults) {
    let contact = &policy.contact;
    if contact.window.weekdays.is_empty() {
        faults.add("/contact/window/weekdays", "empty", "no day left to contact anybody; name at least one");
    }
    if contact.window.start >= contact.window.end {
        faults.add("/contact/window/end", "out_of_range", "the window ends before it starts; it cannot go over midnight");
    }
    if contact.min_gap_days > 90 {
        faults.add("/contact/min_gap_days", "out_of_range", "0 to 90 days");
    }
    for (n, cap) in contact.caps.iter().enumerate() {
        if cap.contacts == 0 || !(1..=90).contains(&cap.days) {
            faults.add(format!("/contact/caps/{n}"), "out_of_range", "at least 1 contact in 1 to 90 days");
        }
    }
}

fn interest(policy: &Policy, faults: &mut Faults) {
    let Some(interest) = &policy.interest else { return };
    if let Some(key) = &interest.show_from_step
        && !policy.steps.iter().any(|step| step.key == *key)
    {
        faults.add("/interest/show_from_step", "unknown_value", format!("the policy has no step {key:?}; name one of its steps"));
    }
    if interest.not_before_days > 365 {
        faults.add("/interest/not_before_days", "out_of_range", "0 to 365 days");
    }
}

fn step(step: &Step) -> Faults {
    let mut faults = Faults::none();
    for (pointer, slug) in [("/key", &step.key), ("/template", &step.template)] {
        if !is_slug(slug) {
            faults.add(pointer, "malformed", "a small letter, then up to 39 small letters, digits or underscores");
        }
    }
    if !OFFSETS.contains(&step.offset_days) {
        faults.add("/offset_days", "out_of_range", "-365 to 730 days from the due date");
    }
    if step.fallback == Some(step.channel) {
        faults.add("/fallback", "pointless", "the fallback is the channel itself; name another or leave it out");
    }
    if step.deadline_days.is_some_and(|days| !(1..=90).contains(&days)) {
        faults.add("/deadline_days", "out_of_range", "1 to 90 days");
    }
    if step.transliterate && step.channel != Channel::Sms && step.fallback != Some(Channel::Sms) {
        faults.add("/transliterate", "pointless", "only text messages are spelt for less; the step sends none");
    }
    if step.post.is_some() && step.channel != Channel::Letter && step.fallback != Some(Channel::Letter) {
        faults.add("/post", "pointless", "only letters are posted; the step sends none");
    }
    if !step.attach.is_empty() && step.channel != Channel::Email && step.fallback != Some(Channel::Email) {
        faults.add("/attach", "pointless", "documents go along with e-mails; the step sends none");
    }
    if let Some(rhythm) = &step.repeat {
        repeat(rhythm, &mut faults);
        if step.formal {
            faults.add("/repeat", "formal_once", "a formal step is never sent twice; remove the repetition");
        }
    }
    faults
}

/// A step that speaks of a broken word: once, soon, and not as a formal notice.
fn broken_word(policy: &Policy, aside: &Step, key: &str) -> Faults {
    let mut faults = step(aside);
    faults.nest("/conditions", conditions(&aside.conditions));
    if aside.key != key {
        faults.add("/key", "reserved", format!("this step's key is {key:?}"));
    }
    if !(0..=BROKEN_WORD_DAYS).contains(&aside.offset_days) {
        faults.add("/offset_days", "out_of_range", format!("0 to {BROKEN_WORD_DAYS} days after the word was broken"));
    }
    if aside.formal {
        faults.add("/formal", "formal_once", "a formal notice is a rung of its own, after its warnings");
    } else if aside.repeat.is_some() {
        faults.add("/repeat", "pointless", "a broken word is spoken of once");
    }
    if let Some(n) = policy.steps.iter().position(|step| step.key == key) {
        faults.add("/key", "reserved", format!("step {n} has this key; give it another one"));
    }
    faults
}

fn is_slug(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn repeat(repeat: &Repeat, faults: &mut Faults) {
    if repeat.max_count.is_some_and(|count| !(2..=100).contains(&count)) {
        faults.add("/repeat/max_count", "out_of_range", "2 to 100 times, the first included");
    }
    match repeat.cadence {
        Cadence::Weekly { weekdays } if weekdays.is_empty() => {
            faults.add("/repeat/cadence/weekdays", "empty", "name at least one weekday");
        }
        Cadence::Monthly { day } if !(1..=31).contains(&day) => {
            faults.add("/repeat/cadence/day", "out_of_range", "1 to 31; a shorter month uses its last day");
        }
        _ => {}
    }
}

fn conditions(conditions: &Conditions) -> Faults {
    let mut faults = Faults::none();
    scores(conditions.score_min, conditions.score_max, &mut faults);
    currencies_once("/min_amount", &conditions.min_amount, &mut faults);
    if let (Some(min), Some(max)) = (conditions.days_late_min, conditions.days_late_max)
        && min > max
    {
        faults.add("/days_late_max", "unreachable", "no day is late enough and not too late: raise it to days_late_min at least");
    }
    faults
}

fn scores(min: Option<u8>, max: Option<u8>, faults: &mut Faults) {
    for (pointer, score) in [("/score_min", min), ("/score_max", max)] {
        if score.is_some_and(|score| !(1..=5).contains(&score)) {
            faults.add(pointer, "out_of_range", "a score goes from 1 (very risky) to 5 (safe)");
        }
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        faults.add("/score_min", "unreachable", "the lowest score is above the highest: no customer could fit");
    }
}

fn currencies_once(pointer: &str, thresholds: &[Threshold], faults: &mut Faults) {
    let mut seen: Vec<Currency> = Vec::with_capacity(thresholds.len());
    for (n, threshold) in thresholds.iter().enumerate() {
        if seen.contains(&threshold.currency) {
            faults.add(format!("{pointer}/{n}/currency"), "duplicate", format!("{} has a threshold already", threshold.currency));
        }
        if threshold.minor < 0 {
            faults.add(format!("{pointer}/{n}/minor"), "out_of_range", "a threshold is not negative");
        }
        seen.push(threshold.currency);
    }
}

/// Conditions that no customer of the scope, or no moment, could meet.
fn unreachable(policy: &Policy, step: &Step, faults: &mut Faults) {
    let (scope, conditions) = (&policy.scope, &step.conditions);
    if step.offset_days < 0 && conditions.days_late_min.is_some() {
        faults.add("/conditions/days_late_min", "unreachable", "a step before the due date is over when the invoice is late");
    }
    if conditions.days_late_max.is_some_and(|max| i32::from(max) < step.offset_days) {
        faults.add(
            "/conditions/days_late_max",
            "unreachable",
            "when the step is due the invoice is too late already: raise it to offset_days at least",
        );
    }
    if !conditions.kinds.is_empty() && !conditions.kinds.iter().any(|kind| policy.admits(*kind)) {
        faults.add("/conditions/kinds", "unreachable", "the policy's scope admits none of these kinds of customer");
    }
    let meets = |segment: &String| scope.segments.contains(segment);
    if !conditions.segments.is_empty() && !scope.segments.is_empty() && !conditions.segments.iter().any(meets) {
        faults.add("/conditions/segments", "unreachable", "the policy's scope admits none of these segments");
    }
    let below = conditions.score_max.zip(scope.score_min).is_some_and(|(max, min)| max < min);
    let above = conditions.score_min.zip(scope.score_max).is_some_and(|(min, max)| min > max);
    if below || above {
        faults.add("/conditions", "unreachable", "the policy's scope admits none of these scores");
    }
}

/// Keys once, offsets rising, deadlines respected, an end to the last repetition.
fn order(policy: &Policy, faults: &mut Faults) {
    for (n, step) in policy.steps.iter().enumerate() {
        if let Some(first) = policy.steps.iter().take(n).position(|other| other.key == step.key) {
            faults.add(format!("/steps/{n}/key"), "duplicate", format!("step {first} has this key already"));
        }
    }
    for (n, (before, step)) in policy.steps.iter().zip(policy.steps.iter().skip(1)).enumerate() {
        let pointer = format!("/steps/{}/offset_days", n + 1);
        if step.offset_days <= before.offset_days {
            faults.add(pointer, "not_rising", format!("{} is not after {} of the step before", step.offset_days, before.offset_days));
        } else if before.deadline_days.is_some_and(|days| step.offset_days.saturating_sub(before.offset_days) < i32::from(days)) {
            faults.add(pointer, "inside_deadline", "comes before the end of the deadline that the step before has given");
        }
    }
    if let Some((last, before)) = policy.steps.split_last()
        && last.repeat.as_ref().is_some_and(|repeat| repeat.max_count.is_none())
    {
        faults.add(
            format!("/steps/{}/repeat/max_count", before.len()),
            "endless",
            "no step follows to end the repetition: give it a count",
        );
    }
}

/// A formal notice comes after a written warning, in writing, with a deadline.
fn formal(policy: &Policy, faults: &mut Faults) {
    for (n, step) in policy.steps.iter().enumerate().filter(|(_, step)| step.formal) {
        if step.deadline_days.is_none() {
            faults.add(format!("/steps/{n}/deadline_days"), "required", "a formal notice gives a deadline; 7 or 8 days are usual");
        }
        if !matches!(step.channel, Channel::Email | Channel::Letter) {
            faults.add(format!("/steps/{n}/channel"), "formal_in_writing", "a formal notice is written: email or letter");
        }
        if !policy.steps.iter().take(n).any(Step::warns) {
            faults.add(format!("/steps/{n}/formal"), "unwarned", "no written reminder comes before this formal notice");
        }
    }
    if let Some((pointer, what)) = protections::too_early(policy, |_| WARNING_DAYS) {
        faults.add(pointer, "formal_too_early", what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{calendar::week::Weekdays, customer::CustomerKind, delivery::PostalService, dunning::builtin};

    fn faults_of(change: impl FnOnce(&mut Policy)) -> Vec<(String, &'static str)> {
        let mut policy = builtin::crescendo();
        change(&mut policy);
        validate(&policy).err().unwrap_or_default().0.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    fn one(change: impl FnOnce(&mut Policy), pointer: &str, code: &'static str) {
        assert_eq!(faults_of(change), [(pointer.to_owned(), code)]);
    }

    #[test]
    fn the_built_in_policies_are_valid() {
        for policy in builtin::all() {
            assert_eq!(validate(&policy), Ok(()), "{}", policy.name);
        }
    }

    #[test]
    fn each_rule_has_its_fault() {
        one(|policy| policy.name = " ".to_owned(), "/name", "required");
        one(|policy| policy.steps[2].key = policy.steps[1].key.clone(), "/steps/2/key", "duplicate");
        one(|policy| policy.steps[2].offset_days = 3, "/steps/2/offset_days", "not_rising");
        one(|policy| policy.steps[2].template = "Not a slug".to_owned(), "/steps/2/template", "malformed");
        one(|policy| policy.steps[4].deadline_days = None, "/steps/4/deadline_days", "required");
        one(|policy| policy.steps[4].deadline_days = Some(8), "/steps/5/offset_days", "inside_deadline");
        one(|policy| policy.steps[4].channel = Channel::Call, "/steps/4/channel", "formal_in_writing");
        one(|policy| policy.steps[3].fallback = Some(Channel::Email), "/steps/3/fallback", "pointless");
        one(|policy| policy.steps[1].post = Some(PostalService::Tracked), "/steps/1/post", "pointless");
        one(|policy| policy.contact.window.weekdays = Weekdays::of(&[]), "/contact/window/weekdays", "empty");
        one(|policy| policy.contact.window.end = policy.contact.window.start, "/contact/window/end", "out_of_range");
        one(|policy| policy.contact.caps[0].contacts = 0, "/contact/caps/0", "out_of_range");
        one(|policy| policy.scope.score_min = Some(6), "/scope/score_min", "out_of_range");
        one(|policy| policy.steps[1].conditions.days_late_max = Some(2), "/steps/1/conditions/days_late_max", "unreachable");
        one(|policy| policy.steps[0].conditions.days_late_min = Some(1), "/steps/0/conditions/days_late_min", "unreachable");
        one(|policy| policy.steps[1].conditions.kinds = vec![CustomerKind::Consumer], "/steps/1/conditions/kinds", "unreachable");
    }

    #[test]
    fn a_formal_notice_comes_eight_days_after_the_first_letter() {
        let seven = |policy: &mut Policy| {
            policy.steps[1].offset_days = 6;
            policy.steps[4].offset_days = 13;
        };
        one(seven, "/steps/4/offset_days", "formal_too_early");
        let none_before = faults_of(|policy| {
            policy.steps.retain(|step| step.formal);
            policy.interest = None;
        });
        assert_eq!(none_before, [("/steps/0/formal".to_owned(), "unwarned")]);
    }

    #[test]
    fn a_broken_word_is_spoken_of_once_soon_and_informally() {
        let change = |change: fn(&mut Step)| move |policy: &mut Policy| policy.on_broken_promise.as_mut().into_iter().for_each(change);
        one(change(|step| step.key = "other".to_owned()), "/on_broken_promise/key", "reserved");
        one(change(|step| step.offset_days = -1), "/on_broken_promise/offset_days", "out_of_range");
        one(change(|step| step.formal = true), "/on_broken_promise/formal", "formal_once");
        one(|policy| policy.steps[5].key = BROKEN_PLAN.to_owned(), "/on_broken_plan/key", "reserved");
    }

    #[test]
    fn a_repetition_ends_and_a_formal_step_has_none() {
        let weekly = |max_count| Some(Repeat { cadence: Cadence::Weekly { weekdays: Weekdays::ALL }, max_count });
        one(|policy| policy.steps[5].repeat = weekly(None), "/steps/5/repeat/max_count", "endless");
        one(|policy| policy.steps[4].repeat = weekly(Some(2)), "/steps/4/repeat", "formal_once");
        assert_eq!(faults_of(|policy| policy.steps[2].repeat = weekly(None)), []);
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let faults = faults_of(|policy| {
            let euro = Threshold { currency: Currency::EUR, minor: 1 };
            policy.steps[1].conditions.min_amount = vec![euro, euro];
            policy.steps[2].offset_days = 731;
            policy.contact.min_gap_days = 91;
        });
        let pointers: Vec<_> = faults.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["/contact/min_gap_days", "/steps/1/conditions/min_amount/1/currency", "/steps/2/offset_days", "/steps/3/offset_days"]
        );
    }
}
