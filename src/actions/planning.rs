//! Planning: due accounts are decided about, and what follows is written down, in one transaction.
//!
//! Nothing is sent here and nothing is judged: `plan()` judges. Invariant: an account that was looked at has either an open reminder, or the moment of the next look, or
//! nothing that time alone could change.

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    Act,
    dispatch::{self, Claim, Decided, Dispatcher},
    interest::Books,
    payment_plans, promises, reminders, tasks,
    wording::{Occasion, Templates},
};
use crate::{
    domain::{
        contact::Channel,
        delivery::MessageState,
        dunning::{
            account::Contacted,
            plan::{self, Action, Held, plan},
            policy::{Policy, choose},
            reminder::{ListedInstalment, ReminderState, TaskKind},
        },
        ids::{CustomerId, MessageId, PolicyId, ReminderId, TenantId},
    },
    error::{Error, Result},
    store::{
        self, Conn, Json, Ts,
        accounts::Account,
        facts::{Key, Loaded},
        messages::Message,
        reminders::Reminder,
        tenants::Tenant,
    },
};

/// The policies of a partition, each read once per batch.
struct Policies {
    tenant: TenantId,
    active: Vec<(PolicyId, i32, Rc<Policy>)>,
    versions: HashMap<(PolicyId, i32), Rc<Policy>>,
}

/// A policy in one version.
type Version = (PolicyId, i32, Rc<Policy>);

impl Policies {
    fn load(conn: &mut Conn, tenant: TenantId) -> Result<Self> {
        let active = store::policies::active_set(conn, tenant)?;
        Ok(Self {
            tenant,
            active: active.into_iter().map(|one| (one.id, one.version, Rc::new(one.document))).collect(),
            versions: HashMap::new(),
        })
    }

    /// The policy of an account: the one that the creditor assigned, else the one that its scope chooses. Once a crescendo is under way, the account stays on its
    /// policy and version.
    fn of(&mut self, conn: &mut Conn, row: Option<&Account>, loaded: &Loaded) -> Result<Option<Version>> {
        let under_way = loaded.account.instalments.iter().any(|instalment| instalment.progress.is_some());
        let kept = row
            .and_then(|row| row.policy_id.zip(row.policy_version))
            .filter(|(id, _)| under_way && loaded.assigned_policy.is_none_or(|assigned| assigned == *id));
        if let Some((id, version)) = kept {
            return self.version(conn, id, version).map(Some);
        }
        let mut candidates = self.active.iter().filter(|(id, ..)| loaded.assigned_policy.is_none_or(|assigned| assigned == *id));
        if loaded.assigned_policy.is_some() {
            return Ok(candidates.next().cloned());
        }
        let chosen = choose(candidates.map(|one| (one, one.2.as_ref())), &loaded.account.scope_facts());
        Ok(chosen.map(|(one, _)| one.clone()))
    }

    fn version(&mut self, conn: &mut Conn, id: PolicyId, version: i32) -> Result<Version> {
        if let Some(active) = self.active.iter().find(|one| (one.0, one.1) == (id, version)) {
            return Ok(active.clone());
        }
        let policy = match self.versions.get(&(id, version)) {
            Some(policy) => Rc::clone(policy),
            None => {
                let policy = Rc::new(store::policies::find_version(conn, self.tenant, id, version)?);
                self.versions.insert((id, version), Rc::clone(&policy));
                policy
            }
        };
        Ok((id, version, policy))
    }
}

/// The policy that an account is on, or would be put on; its row is there once anything was owed in it. What `explain` asks: it only reads.
///
/// # Errors
/// The store's.
pub fn policy_of(conn: &mut Conn, tenant: TenantId, row: Option<&Account>, loaded: &Loaded) -> Result<Option<(PolicyId, i32, Policy)>> {
    let found = Policies::load(conn, tenant)?.of(conn, row, loaded)?;
    Ok(found.map(|(id, version, policy)| (id, version, Rc::unwrap_or_clone(policy))))
}

/// Decides about up to `limit` due accounts. What may leave at once is taken by the dispatcher in the same breath, if there is one.
///
/// # Errors
/// The store's; one account's trouble is its own.
pub fn plan_due(act: &mut Act<'_>, dispatcher: Option<&Dispatcher<'_>>, limit: i64) -> Result<Claim> {
    let due = store::accounts::due(act.conn, act.tenant, act.now, limit)?;
    if due.is_empty() {
        return Ok(Claim::default());
    }
    let tenant = store::tenants::find(act.conn, act.tenant)?;
    let calendar = tenant.calendar();
    let mut policies = Policies::load(act.conn, act.tenant)?;
    let keys: BTreeSet<Key> = due.iter().map(|row| (row.customer_id, row.currency)).collect();
    super::credit::refresh(act, &tenant, &keys)?;
    let mut loaded = store::facts::load(act.conn, act.tenant, &keys, act.now)?;
    let reviews = super::credit::watch::look(act, &tenant, &loaded)?;
    super::overdue::note(act, &calendar, loaded.values())?;
    let mut batch = Batch::default();
    let mut contacted: HashMap<CustomerId, Vec<Contacted>> = HashMap::new();
    let mut planned = Vec::with_capacity(due.len());
    for mut row in due {
        let mut loaded = loaded.remove(&(row.customer_id, row.currency));
        // A person is spared by what this very batch does about another of the customer's accounts.
        if let Some((loaded, just_now)) = loaded.as_mut().zip(contacted.get(&row.customer_id)) {
            loaded.account.contacted.extend(just_now);
        }
        let loaded = loaded.map(Rc::new);
        let version = match &loaded {
            Some(loaded) => policies.of(act.conn, Some(&row), loaded)?,
            None => None,
        };
        // What credit control must look at again, whatever the crescendo does.
        let credit = reviews.get(&(row.customer_id, row.currency)).copied();
        let soonest = |at: Option<DateTime<Utc>>| [at, credit].into_iter().flatten().min().map(Ts);
        (row.next_action_at, row.foreseen_at) = (soonest(None), None);
        match (loaded, version) {
            (Some(loaded), Some((id, version, policy))) => {
                (row.policy_id, row.policy_version) = (Some(id), Some(version));
                let plan = plan(&loaded.account, &policy, &calendar, act.now);
                row.next_action_at = soonest(plan.next_at);
                reminders::suppressed(act, &mut row, &plan);
                let case = Case { loaded: &loaded, policy: &policy, id, version };
                for action in &plan.actions {
                    case.carry_out(act, action, &plan.held, &mut batch)?;
                    if let Action::Remind(reminder) = action {
                        let foreseen = plan::foresee(&loaded.account, reminder, &policy, &calendar, act.now);
                        row.foreseen_at = foreseen.and_then(|at| soonest(Some(at)));
                        let met = reminder.recipient.map(|contact_id| Contacted { contact_id, channel: reminder.channel, at: act.now });
                        contacted.entry(row.customer_id).or_default().extend(met);
                    }
                }
            }
            (Some(loaded), None) => {
                let plan = plan::without_policy(&loaded.account, &calendar, act.now);
                row.next_action_at = soonest(plan.next_at);
                for action in &plan.actions {
                    look_after(act, &loaded, action)?;
                }
            }
            (None, _) => {}
        }
        planned.push(row);
    }
    store::bulk::planned(act.conn, act.tenant, &planned)?;
    batch.finish(act, &tenant, dispatcher)
}

/// What a batch of decisions leads to, written in few statements.
#[derive(Default)]
struct Batch {
    reminders: Vec<Reminder>,
    messages: Vec<Message>,
    tasks: Vec<Spoken>,
    loaded: HashMap<Key, Rc<Loaded>>,
    policies: HashMap<(PolicyId, i32), Rc<Policy>>,
}

/// A reminder that a person says or writes, and what its script is made of.
struct Spoken {
    reminder: Reminder,
    loaded: Rc<Loaded>,
    policy: Rc<Policy>,
}

impl Batch {
    /// Writes the reminders down with their messages, and gives people their tasks.
    fn finish(self, act: &mut Act<'_>, tenant: &Tenant, dispatcher: Option<&Dispatcher<'_>>) -> Result<Claim> {
        store::reminders::insert(act.conn, &self.reminders)?;
        self.give(act, tenant)?;
        let Self { reminders, messages, loaded, policies, .. } = self;
        match dispatcher {
            Some(dispatcher) if !messages.is_empty() => {
                let reminders = reminders.into_iter().map(|row| (row.id, row)).collect();
                dispatch::claim_fresh(act, tenant, Decided { reminders, loaded, policies }, messages, dispatcher)
            }
            _ => store::messages::insert(act.conn, &messages).map(|()| Claim { busy: true, ..Claim::default() }),
        }
    }

    /// Gives people their tasks. A task counts as the contact: the crescendo must not hang on an unmade call.
    fn give(&self, act: &mut Act<'_>, tenant: &Tenant) -> Result<()> {
        let speaking = self.tasks.iter().filter(|task| task.policy.speaks_of_interest(&task.reminder.step_key));
        let books = Books::load(act.conn, act.tenant, speaking.map(|task| (Some(&*task.loaded), &task.reminder)))?;
        let mut templates = Templates::default();
        for task in &self.tasks {
            let script = task.script(act, tenant, &books, &mut templates)?;
            tasks::give(act, &task.reminder, task.loaded.account.customer.post.missing(), script)?;
            store::reminders::complete(act.conn, act.tenant, &task.reminder, act.now)?;
            act.touch(task.reminder.customer_id, task.reminder.currency);
        }
        Ok(())
    }
}

impl Spoken {
    /// What the person is to say or write; absent where the text cannot be filled in, which the task then says.
    fn script(&self, act: &mut Act<'_>, tenant: &Tenant, books: &Books, templates: &mut Templates) -> Result<Option<String>> {
        let Self { reminder, loaded, policy } = self;
        let template = templates.get(act, &reminder.template)?;
        let Some((number, step)) = policy.step(&reminder.step_key) else { return Ok(None) };
        let told = books.told(tenant, policy, loaded, reminder, act.now);
        let occasion = Occasion {
            tenant,
            loaded,
            contact: reminder.contact_id,
            lines: &reminder.instalments,
            step,
            number,
            cycle: reminder.cycle,
            previous: loaded.last_written_at,
            interest: told.as_ref(),
            unsubscribe_link: None,
            now: act.now,
        };
        Ok(match occasion.write(reminder.channel, template) {
            Ok(template_output) => Some(dispatch::plain(template_output)),
            Err(error) => {
                tracing::warn!(reminder = %reminder.id, %error, "a script could not be written");
                None
            }
        })
    }
}

/// Does what reaches nobody: writes down what became of a word, has a person look.
fn look_after(act: &mut Act<'_>, loaded: &Loaded, action: &Action<'_>) -> Result<()> {
    let account = &loaded.account;
    match action {
        Action::JudgePromise(id, verdict) => promises::judged(act, *id, verdict),
        Action::JudgePlan(id, standing) => payment_plans::judged(act, *id, standing),
        Action::Review(review) => tasks::review(act, account.customer.id, account.currency, None, review.reason.as_str()),
        Action::Remind(_) | Action::AwaitApproval(_) => Err(Error::internal("a reminder without a policy")),
    }
}

/// One account under its policy.
struct Case<'a> {
    loaded: &'a Rc<Loaded>,
    policy: &'a Rc<Policy>,
    id: PolicyId,
    version: i32,
}

impl Case<'_> {
    fn carry_out(&self, act: &mut Act<'_>, action: &Action<'_>, held: &[Held<'_>], batch: &mut Batch) -> Result<()> {
        match action {
            Action::JudgePromise(..) | Action::JudgePlan(..) | Action::Review(_) => look_after(act, self.loaded, action),
            Action::AwaitApproval(decided) => {
                self.take_over(act, decided)?;
                let reminder = self.reminder(act, decided, ReminderState::AwaitingApproval)?;
                self.witness(act, &reminder, held);
                batch.reminders.push(reminder);
                Ok(())
            }
            Action::Remind(decided) => {
                self.take_over(act, decided)?;
                let reminder = self.reminder(act, decided, ReminderState::InFlight)?;
                self.witness(act, &reminder, held);
                if decided.is_sent {
                    batch.messages.push(message(act, self.loaded, &reminder)?);
                    batch.loaded.insert((reminder.customer_id, reminder.currency), Rc::clone(self.loaded));
                    batch.policies.insert((self.id, self.version), Rc::clone(self.policy));
                } else {
                    batch.tasks.push(Spoken { reminder: reminder.clone(), loaded: Rc::clone(self.loaded), policy: Rc::clone(self.policy) });
                }
                batch.reminders.push(reminder);
                Ok(())
            }
        }
    }

    /// Gives up the reminder whose place this one takes, if it is still open.
    fn take_over(&self, act: &mut Act<'_>, decided: &plan::Reminder<'_>) -> Result<()> {
        let Some(former) = decided.stands_in_for else { return Ok(()) };
        if self.loaded.account.open_reminder.is_some_and(|open| open.id == former) {
            store::reminders::set_state(act.conn, act.tenant, former, ReminderState::Cancelled, Some("stood_in"))?;
        }
        act.witness("reminder.stood_in", former, json!({"step": decided.step.key, "cycle": decided.cycle, "channel": decided.channel}));
        Ok(())
    }

    fn reminder(&self, act: &Act<'_>, decided: &plan::Reminder<'_>, state: ReminderState) -> Result<Reminder> {
        let lines = decided.lines.iter().map(|line| ListedInstalment {
            instalment_id: line.instalment.id,
            claimed_minor: line.instalment.claimable_minor,
            overdue: line.overdue,
            advances_to: line.advances_to.map(|(step, _)| step.to_owned()),
            cycle: line.advances_to.map(|(_, cycle)| cycle),
        });
        Ok(Reminder {
            tenant_id: act.tenant,
            id: ReminderId::new(act.now),
            customer_id: self.loaded.account.customer.id,
            currency: self.loaded.account.currency,
            carrying_instalment_id: decided.carrying,
            policy_id: self.id,
            policy_version: self.version,
            step_key: decided.step.key.clone(),
            cycle: i32::try_from(decided.cycle).map_err(Error::internal)?,
            channel: decided.channel,
            template: decided.step.template.clone(),
            formal: decided.step.formal,
            contact_id: decided.recipient,
            state,
            reason: None,
            total_minor: decided.total_minor,
            instalments: Json(lines.collect()),
            due_at: Ts(decided.due_at),
            decided_at: Ts(act.now),
            completed_at: None,
        })
    }

    fn witness(&self, act: &mut Act<'_>, reminder: &Reminder, held: &[Held<'_>]) {
        let left_out: Vec<_> =
            held.iter().map(|held| json!({"rule": held.rule, "instalment_id": held.instalment, "step": held.step})).collect();
        let body = json!({
            "customer_id": reminder.customer_id, "currency": reminder.currency, "policy_id": self.id, "policy_version": self.version,
            "step": reminder.step_key, "cycle": reminder.cycle, "channel": reminder.channel, "formal": reminder.formal,
            "carrying_instalment_id": reminder.carrying_instalment_id, "total": reminder.total_minor, "instalments": *reminder.instalments,
            "due_at": *reminder.due_at, "state": reminder.state, "left_out": left_out,
        });
        act.witness("reminder.decided", reminder.id, body);
    }
}

/// The message of a reminder, to its contact's address of today.
///
/// # Errors
/// When the contact has no such address: the plan only names contacts that do.
pub fn message(act: &Act<'_>, loaded: &Loaded, reminder: &Reminder) -> Result<Message> {
    let address = dispatch::address(loaded, reminder.contact_id, reminder.channel);
    Ok(Message {
        tenant_id: act.tenant,
        id: MessageId::new(act.now),
        reminder_id: Some(reminder.id),
        customer_id: reminder.customer_id,
        contact_id: reminder.contact_id,
        provider_account_id: None,
        channel: reminder.channel,
        address: address.ok_or_else(|| Error::internal("the contact has no address on the channel"))?,
        state: MessageState::Prepared,
        delivery_status: None,
        delivery_rank: 0,
        evidence_grade: None,
        token: None,
        lease_until: None,
        attempts: 0,
        next_attempt_at: Some(Ts(act.now)),
        provider_message_id: None,
        subject: None,
        html: None,
        body: None,
        segments: None,
        content_digest: None,
        failure: None,
        created_at: Ts(act.now),
        dispatched_at: None,
        finished_at: None,
    })
}

/// The kind of task that a channel becomes.
pub const fn task_kind(channel: Channel) -> TaskKind {
    match channel {
        Channel::Visit => TaskKind::Visit,
        Channel::Letter => TaskKind::Letter,
        Channel::Call | Channel::Email | Channel::Sms => TaskKind::Call,
    }
}
