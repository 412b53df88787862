//! `expand`: what an id stands for, put beside it, two levels deep at most.
//!
//! What can be expanded is read off the views: wherever one has a `customer_id`, there can be a `customer`. Each kind is loaded with one statement a
//! level, however long the list is. Invariant: nobody sees by expansion what the key may not read directly.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Call, Problem, customers, invoices, policies, subject};
use crate::{
    domain::{
        access::Scope,
        ids::{Id, TenantId, from_crockford},
    },
    error::{Error, Result},
    store::Conn,
};

/// What can stand beside its id.
struct Expandable {
    /// Its name; the id's is this and `_id`.
    name: &'static str,
    /// The name of its shape.
    shape: &'static str,
    /// What a key must hold to see it.
    scope: Scope,
    load: fn(&mut Conn, TenantId, Vec<Uuid>) -> Result<Vec<Value>>,
}

const EXPANDABLE: &[Expandable] = &[
    Expandable {
        name: "customer",
        shape: "CustomerView",
        scope: Scope::CustomersRead,
        load: |conn, tenant, ids| values(customers::of_ids(conn, tenant, &typed(ids))?),
    },
    Expandable {
        name: "invoice",
        shape: "InvoiceView",
        scope: Scope::InvoicesRead,
        load: |conn, tenant, ids| values(invoices::of_ids(conn, tenant, &typed(ids))?),
    },
    Expandable {
        name: "policy",
        shape: "PolicyView",
        scope: Scope::PoliciesRead,
        load: |conn, tenant, ids| values(policies::of_ids(conn, tenant, &typed(ids))?),
    },
];

fn typed<K>(ids: Vec<Uuid>) -> Vec<Id<K>> {
    ids.into_iter().map(Id::from_uuid).collect()
}

fn values(views: Vec<impl serde::Serialize>) -> Result<Vec<Value>> {
    views.into_iter().map(|view| serde_json::to_value(view).map_err(Error::internal)).collect()
}

fn named(name: &str) -> Option<&'static Expandable> {
    EXPANDABLE.iter().find(|one| one.name == name)
}

impl<Body, Query> Call<Body, Query> {
    /// A representation, or a page of them if it is `listed`, with what is to be expanded.
    ///
    /// # Errors
    /// `forbidden` for what the key may not read; the store's.
    pub(super) async fn expanded(&self, body: String, listed: bool) -> std::result::Result<String, Problem> {
        if self.paging.expand.is_empty() {
            return Ok(body);
        }
        let mut paths: Vec<Vec<String>> = self.paging.expand.iter().map(|path| path.split('.').map(str::to_owned).collect()).collect();
        // What is shown within something comes after it.
        paths.sort_by_key(Vec::len);
        let forbidden = paths.iter().flatten().filter_map(|part| named(part)).find(|one| !self.caller.scopes.contains(&one.scope));
        if let Some(one) = forbidden {
            return Err(self.problem(Error::Forbidden(one.scope.to_string())));
        }
        self.read(move |conn, tenant| {
            let mut whole: Value = serde_json::from_str(&body).map_err(Error::internal)?;
            for path in &paths {
                let roots = match whole.get_mut("data").and_then(Value::as_array_mut).filter(|_| listed) {
                    Some(rows) => rows.iter_mut().collect(),
                    None => vec![&mut whole],
                };
                expand(conn, tenant, roots, path)?;
            }
            subject::json(&whole)
        })
        .await
    }
}

/// Puts what the first part of a path names into each node, and goes on from there.
fn expand(conn: &mut Conn, tenant: TenantId, mut nodes: Vec<&mut Value>, path: &[String]) -> Result<()> {
    let Some((name, rest)) = path.split_first() else { return Ok(()) };
    let Some(one) = named(name) else {
        let inner = nodes.into_iter().filter_map(|node| node.get_mut(name)?.as_array_mut()).flatten().collect();
        return expand(conn, tenant, inner, rest);
    };
    let field = format!("{name}_id");
    let missing = |node: &&mut Value| node.get(name).is_none();
    let ids: BTreeSet<Uuid> = nodes.iter().filter(|node| missing(node)).filter_map(|node| uuid(node.get(&field)?)).collect();
    if !ids.is_empty() {
        let found = (one.load)(conn, tenant, ids.into_iter().collect())?;
        let found: HashMap<Uuid, Value> = found.into_iter().filter_map(|view| Some((uuid(view.get("id")?)?, view))).collect();
        for node in nodes.iter_mut().filter_map(|node| node.as_object_mut()) {
            let view = node.get(&field).and_then(uuid).and_then(|id| found.get(&id));
            if let Some(view) = view {
                node.entry(name.as_str()).or_insert_with(|| view.clone());
            }
        }
    }
    expand(conn, tenant, nodes.into_iter().filter_map(|node| node.get_mut(name)).collect(), rest)
}

fn uuid(id: &Value) -> Option<Uuid> {
    from_crockford(id.as_str()?.rsplit_once('_')?.1)
}

/// What can be expanded in a shape of the document, by path: `customer`, `invoice.customer`, `allocations.invoice`.
pub fn paths(shapes: &Map<String, Value>, shape: &str) -> Vec<String> {
    let within = |shape: &str| -> Vec<&'static Expandable> {
        let properties = shapes.get(shape).and_then(|one| one.get("properties"));
        EXPANDABLE.iter().filter(|one| properties.is_some_and(|all| all.get(format!("{}_id", one.name)).is_some())).collect()
    };
    let mut paths = Vec::new();
    for one in within(shape) {
        paths.push(one.name.to_owned());
        paths.extend(within(one.shape).into_iter().map(|inner| format!("{}.{}", one.name, inner.name)));
    }
    let properties = shapes.get(shape).and_then(|one| one.get("properties")).and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let items = property.pointer("/items/$ref").and_then(Value::as_str).and_then(|target| target.rsplit('/').next());
        // A part of something is not shown with the whole that it is shown in.
        let others = items.into_iter().flat_map(within).filter(|inner| inner.shape != shape);
        paths.extend(others.map(|inner| format!("{name}.{}", inner.name)));
    }
    paths
}

/// A shape and all that it is made of.
fn parts(shapes: &Map<String, Value>, shape: &str) -> BTreeSet<String> {
    let (mut known, mut next) = (BTreeSet::new(), vec![shape.to_owned()]);
    while let Some(name) = next.pop() {
        let text = shapes.get(&name).map(Value::to_string).unwrap_or_default();
        if known.insert(name) {
            let targets = text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
            next.extend(targets.map(str::to_owned));
        }
    }
    known
}

/// Describes, in every shape that has the id of something expandable, the place where that will stand; but not within that very thing, whose shape would never end.
pub fn describe(shapes: &mut Map<String, Value>, shown: &BTreeSet<String>) {
    let own: Vec<BTreeSet<String>> = EXPANDABLE.iter().map(|one| parts(shapes, one.shape)).collect();
    for (name, shape) in shapes.iter_mut().filter(|(name, _)| shown.contains(*name) || name.ends_with("View")) {
        let Some(properties) = shape.get_mut("properties").and_then(Value::as_object_mut) else { continue };
        let beside = EXPANDABLE.iter().zip(&own).filter(|(_, own)| !own.contains(name.as_str()));
        for one in beside.map(|(one, _)| one) {
            if !properties.contains_key(&format!("{}_id", one.name)) {
                continue;
            }
            let place = serde_json::json!({"allOf": [{"$ref": format!("#/components/schemas/{}", one.shape)}],
                "description": format!("The whole {}, where it is expanded.", one.name)});
            properties.entry(one.name).or_insert(place);
        }
    }
}
