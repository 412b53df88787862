//! Customers: recorded, recorded again, changed.

use std::collections::{BTreeSet, HashMap};

use serde_json::json;

use super::{
    Act, contacts,
    put::{IfKnown, Outcome, Put, Seen, one_by_one, taken},
};
use crate::{
    domain::{
        customer::{CustomerChange, NewCustomer},
        external::ExternalKey,
        ids::{CustomerId, PolicyId},
        invalid::Faults,
        locale::Jurisdiction,
        money::Currency,
    },
    error::Result,
    store::{self, Json, Ts, contacts::Contact, customers::Customer},
};

/// Records customers and the people there, each on its own.
///
/// # Errors
/// The store's; what is wrong with one customer is in its place.
pub fn put(act: &mut Act<'_>, news: &[NewCustomer], if_known: IfKnown) -> Result<Vec<Result<Put<Customer>>>> {
    let home = store::tenants::find(act.conn, act.tenant)?.jurisdiction;
    let keys: Vec<ExternalKey> = news.iter().filter_map(NewCustomer::key).collect();
    let known = store::customers::find_by_keys(act.conn, act.tenant, &keys)?;
    let there = people_of(act, news, &known)?;
    let mut seen = Seen::default();
    let (mut rows, mut people) = (Vec::new(), Vec::new());
    let outcomes = one_by_one(news, |new| {
        let key = new.key();
        let mut faults = new.check();
        check_policy(act, new.policy_id, &mut faults)?;
        super::terms::check_usable(act, new.terms_id.new_value().copied(), &mut faults)?;
        faults.or(())?;
        seen.note(key.as_ref())?;
        match key.and_then(|key| known.get(&key)) {
            Some(old) if if_known == IfKnown::Refuse => Err(taken("customer", old.id)),
            Some(old) => again(act, old, there.get(&old.id).map(Vec::as_slice).unwrap_or_default(), new),
            None => {
                let row = fresh(act, new, &home);
                people.extend(contacts::fresh(act, row.id, 0, &new.contacts));
                rows.push(row.clone());
                Ok(Put { row, outcome: Outcome::Created })
            }
        }
    })?;
    store::customers::insert(act.conn, &rows)?;
    store::contacts::insert(act.conn, &people)?;
    for row in &rows {
        let body = json!({"kind": row.kind, "jurisdiction": row.jurisdiction, "source": row.source, "external_id": row.external_id,
            "number": row.number, "segment": row.segment, "legal_form": row.company.legal_form});
        act.witness_personal("customer.created", row.id, body, vec![("name", row.name.clone())]);
    }
    people.iter().for_each(|person| contacts::witness(act, "contact.created", person));
    Ok(outcomes)
}

/// The people at those known customers of whose people something is said: one look-up for all.
fn people_of(act: &mut Act<'_>, news: &[NewCustomer], known: &HashMap<ExternalKey, Customer>) -> Result<HashMap<CustomerId, Vec<Contact>>> {
    let told = news.iter().filter(|new| !new.contacts.is_empty()).filter_map(NewCustomer::key);
    let ids: BTreeSet<CustomerId> = told.filter_map(|key| known.get(&key)).map(|row| row.id).collect();
    let mut people = HashMap::<CustomerId, Vec<Contact>>::new();
    for person in store::contacts::of_customers(act.conn, act.tenant, &ids.into_iter().collect::<Vec<_>>())? {
        people.entry(person.customer_id).or_default().push(person);
    }
    Ok(people)
}

fn fresh(act: &Act<'_>, new: &NewCustomer, home: &Jurisdiction) -> Customer {
    Customer {
        tenant_id: act.tenant,
        id: CustomerId::new(act.wall),
        source: new.source.clone(),
        external_id: new.external_id.clone(),
        number: new.number.clone(),
        name: new.name.clone(),
        kind: new.kind,
        jurisdiction: new.jurisdiction.clone().unwrap_or_else(|| home.clone()),
        language: new.language,
        time_zone: new.time_zone.clone(),
        segment: new.segment.clone(),
        score: new.score,
        policy_id: new.policy_id,
        terms_id: new.terms_id.of(None),
        identifiers: Json(new.identifiers.clone()),
        address: Json(new.address.clone()),
        company: Json(new.company.clone()),
        metadata: Json(new.metadata.clone()),
        version: 1,
        created_at: Ts(act.wall),
        updated_at: Ts(act.wall),
        interest: new.interest.of(None),
    }
}

/// Brings a known customer up to date. People are added and changed; nobody is removed.
fn again(act: &mut Act<'_>, old: &Customer, there: &[Contact], new: &NewCustomer) -> Result<Put<Customer>> {
    let changed_people = contacts::merge(act, old.id, there, &new.contacts)?;
    let put = apply(act, old, &new.into())?;
    if changed_people {
        touch(act, old.id)?;
        return Ok(Put { outcome: Outcome::Changed, ..put });
    }
    Ok(put)
}

/// Changes a customer.
///
/// # Errors
/// No such customer; every broken rule of the input.
pub fn change(act: &mut Act<'_>, id: CustomerId, change: &CustomerChange) -> Result<Customer> {
    let old = store::customers::find(act.conn, act.tenant, id)?;
    let mut faults = change.check();
    check_policy(act, change.policy_id.new_value().copied(), &mut faults)?;
    super::terms::check_usable(act, change.terms_id.new_value().copied(), &mut faults)?;
    faults.or(())?;
    apply(act, &old, change).map(|put| put.row)
}

fn apply(act: &mut Act<'_>, old: &Customer, change: &CustomerChange) -> Result<Put<Customer>> {
    let wanted = Customer {
        number: change.number.of(old.number.as_ref()),
        name: change.name.clone().unwrap_or_else(|| old.name.clone()),
        kind: change.kind.unwrap_or(old.kind),
        jurisdiction: change.jurisdiction.clone().unwrap_or_else(|| old.jurisdiction.clone()),
        language: change.language.of(old.language.as_ref()),
        time_zone: change.time_zone.of(old.time_zone.as_ref()),
        segment: change.segment.of(old.segment.as_ref()),
        score: change.score.of(old.score.as_ref()),
        policy_id: change.policy_id.of(old.policy_id.as_ref()),
        interest: change.interest.of(old.interest.as_ref()),
        terms_id: change.terms_id.of(old.terms_id.as_ref()),
        identifiers: change.identifiers.clone().map_or_else(|| old.identifiers.clone(), Json),
        address: change.address.clone().map_or_else(|| old.address.clone(), Json),
        company: change.company.clone().map_or_else(|| old.company.clone(), Json),
        metadata: change.metadata.clone().map_or_else(|| old.metadata.clone(), Json),
        ..old.clone()
    };
    if wanted == *old {
        return Ok(Put { row: wanted, outcome: Outcome::Unchanged });
    }
    let row = Customer { version: old.version.saturating_add(1), updated_at: Ts(act.wall), ..wanted };
    store::customers::update(act.conn, &row)?;
    let body = json!({"kind": row.kind, "jurisdiction": row.jurisdiction, "number": row.number, "segment": row.segment,
        "score": row.score, "policy_id": row.policy_id, "interest": row.interest, "terms_id": row.terms_id, "legal_form": row.company.legal_form, "version": row.version});
    let personal = if row.name == old.name { Vec::new() } else { vec![("name", row.name.clone())] };
    act.witness_personal("customer.changed", row.id, body, personal);
    touch(act, row.id)?;
    Ok(Put { row, outcome: Outcome::Changed })
}

fn check_policy(act: &mut Act<'_>, policy: Option<PolicyId>, faults: &mut Faults) -> Result<()> {
    if let Some(policy) = policy
        && !store::customers::policy_exists(act.conn, act.tenant, policy)?
    {
        faults.add("/policy_id", "not_found", "no such policy");
    }
    Ok(())
}

/// Has every account of a customer looked at again. The look-up goes by customer: the currency named does not narrow it.
///
/// # Errors
/// The store's.
pub fn touch(act: &mut Act<'_>, customer: CustomerId) -> Result<()> {
    for account in store::accounts::lock(act.conn, act.tenant, &[(customer, Currency::EUR)].into())? {
        act.touch(customer, account.currency);
    }
    Ok(())
}
