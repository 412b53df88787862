//! Every name that a template may use, with its kind: the dictionary of template writers and of the grammar.
//!
//! Invariant (a test keeps it): this list and the fields of [`Facts`](super::Facts) are the same.

/// What a variable holds, which decides how it may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words, printed as they are.
    Text,
    /// A whole number.
    Number,
    /// An amount: printed with `| money`.
    Money,
    /// A date: printed with `| date`.
    Date,
    /// Yes or no, for `if` only.
    Flag,
    /// Holds other variables; only those are printed.
    Group,
    /// Several, for `for` and `| length`.
    List,
}

/// One name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// The path; `[]` stands for one item of a list: `invoices[].number`.
    pub path: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be absent; then it is used within an `if` that asks for it.
    pub optional: bool,
}

const fn always(path: &'static str, kind: Kind) -> Variable {
    Variable { path, kind, optional: false }
}

const fn maybe(path: &'static str, kind: Kind) -> Variable {
    Variable { path, kind, optional: true }
}

/// Every variable. What each one means is documented on the field of [`Facts`](super::Facts) of that name.
pub const VARIABLES: &[Variable] = &[
    always("clauses", Kind::List),
    always("clauses[]", Kind::Text),
    maybe("collection_costs", Kind::Money),
    always("contact", Kind::Group),
    maybe("contact.first_name", Kind::Text),
    always("contact.name", Kind::Text),
    always("creditor", Kind::Group),
    always("creditor.address", Kind::List),
    always("creditor.address[]", Kind::Text),
    maybe("creditor.bank", Kind::Group),
    maybe("creditor.bank.bic", Kind::Text),
    always("creditor.bank.holder", Kind::Text),
    always("creditor.bank.iban", Kind::Text),
    maybe("creditor.email", Kind::Text),
    always("creditor.name", Kind::Text),
    maybe("creditor.phone", Kind::Text),
    maybe("creditor.registration", Kind::Text),
    always("currency", Kind::Text),
    always("customer", Kind::Group),
    always("customer.name", Kind::Text),
    maybe("customer.number", Kind::Text),
    maybe("deadline", Kind::Date),
    maybe("interest", Kind::Group),
    always("interest.amount", Kind::Money),
    maybe("interest.fixed_sum", Kind::Money),
    always("interest.lines", Kind::List),
    always("interest.lines[]", Kind::Group),
    always("interest.lines[].amount", Kind::Money),
    always("interest.lines[].days", Kind::Number),
    always("interest.lines[].from", Kind::Date),
    always("interest.lines[].invoice", Kind::Text),
    always("interest.lines[].principal", Kind::Money),
    always("interest.lines[].rate", Kind::Text),
    always("interest.lines[].to", Kind::Date),
    always("interest.provisional", Kind::Flag),
    always("interest.total", Kind::Money),
    always("interest.total_due", Kind::Money),
    always("interest.until", Kind::Date),
    always("invoices", Kind::List),
    always("invoices[]", Kind::Group),
    always("invoices[].amount", Kind::Money),
    always("invoices[].balance", Kind::Money),
    always("invoices[].days_late", Kind::Number),
    maybe("invoices[].discount", Kind::Group),
    always("invoices[].discount.amount", Kind::Money),
    always("invoices[].discount.last_day", Kind::Date),
    always("invoices[].discount.pay", Kind::Money),
    always("invoices[].due_date", Kind::Date),
    always("invoices[].issue_date", Kind::Date),
    always("invoices[].number", Kind::Text),
    maybe("invoices[].order_reference", Kind::Text),
    maybe("invoices[].payment_link", Kind::Text),
    maybe("invoices[].structured_reference", Kind::Text),
    always("language", Kind::Text),
    always("late_count", Kind::Number),
    always("overdue_total", Kind::Money),
    maybe("payment_link", Kind::Text),
    always("payment_methods", Kind::List),
    always("payment_methods[]", Kind::Text),
    maybe("previous", Kind::Group),
    always("previous.sent_on", Kind::Date),
    maybe("promise", Kind::Group),
    always("promise.amount", Kind::Money),
    always("promise.date", Kind::Date),
    always("step", Kind::Group),
    always("step.key", Kind::Text),
    always("step.number", Kind::Number),
    always("today", Kind::Date),
    always("total", Kind::Money),
    maybe("unsubscribe_link", Kind::Text),
];

/// What the engine adds inside a `for`.
pub const LOOP: &[Variable] = &[always("loop.first", Kind::Flag), always("loop.index", Kind::Number), always("loop.last", Kind::Flag)];

/// The variable of that path.
pub fn find(path: &str) -> Option<&'static Variable> {
    VARIABLES.iter().chain(LOOP).find(|variable| variable.path == path)
}

/// The known path that looks most like an unknown one, if any does.
pub fn nearest(path: &str) -> Option<&'static str> {
    let plausible = VARIABLES.iter().filter(|variable| variable.path.len().abs_diff(path.len()) < 8);
    plausible
        .map(|variable| (strsim::damerau_levenshtein(variable.path, path), variable.path))
        .min()
        .filter(|(distance, known)| *distance * 3 <= known.len().max(6))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{locale::Language, template::Facts};
    use serde_json::Value;
    use std::collections::BTreeMap;

    fn walk(path: &str, value: &Value, found: &mut BTreeMap<String, Kind>) {
        let kind = match value {
            Value::String(text) if text.parse::<chrono::NaiveDate>().is_ok() => Kind::Date,
            Value::Number(_) => Kind::Number,
            Value::Bool(_) => Kind::Flag,
            Value::Object(fields) if fields.contains_key("minor") => Kind::Money,
            Value::Object(fields) => {
                for (name, field) in fields {
                    walk(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, field, found);
                }
                Kind::Group
            }
            Value::Array(items) => {
                walk(&format!("{path}[]"), &items[0], found);
                Kind::List
            }
            _ => Kind::Text,
        };
        found.insert(path.to_owned(), kind);
    }

    #[test]
    fn the_dictionary_is_the_facts() {
        let mut found = BTreeMap::new();
        walk("", &serde_json::to_value(Facts::sample(Language::French)).unwrap(), &mut found);
        found.remove("");
        let listed: BTreeMap<_, _> = VARIABLES.iter().map(|variable| (variable.path.to_owned(), variable.kind)).collect();
        assert_eq!(listed, found);
        assert!(VARIABLES.is_sorted_by_key(|variable| variable.path));
    }

    #[test]
    fn what_is_optional_is_what_the_bare_facts_lack() {
        let bare = serde_json::to_value(Facts::bare(Language::French)).unwrap();
        for variable in VARIABLES {
            let pointer = format!("/{}", variable.path.replace("[]", ".0").replace('.', "/"));
            match bare.pointer(&pointer) {
                Some(Value::Null) => assert!(variable.optional, "{}", variable.path),
                Some(_) => assert!(!variable.optional, "{}", variable.path),
                None => {} // inside something absent
            }
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        assert_eq!(nearest("customer.nmae"), Some("customer.name"));
        assert_eq!(nearest("invoices[].balanse"), Some("invoices[].balance"));
        assert_eq!(nearest("secret_of_another_tenant"), None);
    }
}
