//! A reminder that did not arrive, and the channel that takes its place.

use super::{
    super::{
        account::{OpenReminder, OpenState, Silence, Unreached},
        rule::Rule,
    },
    *,
};
use crate::domain::{
    contact::Channel,
    ids::ReminderId,
    post::{AddressPart, Place, Way},
};

/// An account whose first reminder was refused by e-mail, under a policy that falls back on text messages.
fn refused() -> (Account, Policy) {
    let mut policy = crescendo();
    policy.steps[1].fallback = Some(Channel::Sms);
    let key = policy.steps[1].key.clone();
    let mut account = account(vec![owed(1, day("2026-11-02"))]);
    account.open_reminder = Some(OpenReminder { id: numbered(9), state: OpenState::Failed, put_off: None });
    account.unreached = Some(Unreached {
        reminder: numbered(9),
        step_key: key.clone(),
        cycle: 1,
        channel: Channel::Email,
        carrying: numbered(1),
        lines: vec![(numbered(1), Some((key, 1)))],
        at: at("2026-11-10T09:00:00Z"),
    });
    (account, policy)
}

fn decided(account: &Account, policy: &Policy) -> Option<(Channel, Option<ReminderId>)> {
    let calendar = paris();
    let plan = plan(account, policy, &calendar, at("2026-11-10T09:01:00Z"));
    plan.actions.iter().find_map(|action| match action {
        Action::Remind(reminder) => Some((reminder.channel, reminder.stands_in_for)),
        _ => None,
    })
}

#[test]
fn the_other_channel_takes_the_place_of_what_was_refused() {
    let (account, policy) = refused();
    assert_eq!(decided(&account, &policy), Some((Channel::Sms, Some(numbered(9)))));
    let calendar = paris();
    let plan = plan(&account, &policy, &calendar, at("2026-11-10T09:01:00Z"));
    assert!(plan.held.iter().any(|held| held.rule == Rule::StandIn));
}

#[test]
fn nothing_takes_its_place_where_nothing_may_be_said() {
    type Change = fn(&mut Account, &mut Policy);
    let cases: [(&str, Change); 8] = [
        ("another reminder", |account, _| {
            account.open_reminder = Some(OpenReminder { id: numbered(8), state: OpenState::InFlight, put_off: None })
        }),
        ("no other channel", |_, policy| policy.steps.iter_mut().for_each(|step| step.fallback = None)),
        ("the other channel failed", |account, _| account.unreached.as_mut().unwrap().channel = Channel::Sms),
        ("no number", |account, _| account.customer.contacts[0].phone = None),
        ("paid", |account, _| (account.instalments[0].balance_minor, account.instalments[0].claimable_minor) = (0, 0)),
        ("cash", |account, _| account.unallocated_minor = 10_000),
        ("a consumer", |account, _| account.customer.kind = CustomerKind::Consumer),
        ("a hold", |account, _| {
            account.instalments[0].silences = vec![Silence { reason: SilenceReason::Hold, from: None, until: None }];
        }),
    ];
    for (what, change) in cases {
        let (mut account, mut policy) = refused();
        change(&mut account, &mut policy);
        assert_eq!(decided(&account, &policy), None, "{what}");
    }
}

#[test]
fn a_letter_is_sent_where_an_account_carries_it_and_a_persons_where_none_does_or_an_address_lacks_something() {
    let (mut account, mut policy) = refused();
    policy.steps[1].fallback = Some(Channel::Letter);
    let calendar = paris();
    let place = |city: &str| Place {
        lines: vec!["3 rue du Port".to_owned()],
        postal_code: "59000".to_owned(),
        city: city.to_owned(),
        country: "FR".parse().unwrap(),
    };
    let carried = Post::Carried(Box::new(Way { from: place("Paris"), to: place("Lille") }));
    for (post, sent, held) in
        [(Post::ByHand, false, false), (Post::Incomplete(vec![AddressPart::City]), false, true), (carried, true, false)]
    {
        account.customer.post = post;
        let plan = plan(&account, &policy, &calendar, at("2026-11-10T09:01:00Z"));
        let Some(Action::Remind(reminder)) = plan.actions.first() else { panic!("nothing is said") };
        assert_eq!((reminder.channel, reminder.is_sent), (Channel::Letter, sent));
        assert_eq!(plan.held.iter().any(|one| one.rule == Rule::AddressIncomplete), held);
    }
}
