use super::*;

fn fault(source: &str) -> Option<(&'static str, String)> {
    let faults = check(source).err()?;
    assert!(faults.0.iter().all(|fault| fault.pointer.is_empty() && fault.detail.starts_with("line ") || fault.code == "too_long"));
    faults.0.into_iter().next().map(|fault| (fault.code, fault.detail))
}

fn code(source: &str) -> Option<&'static str> {
    fault(source).map(|(code, _)| code)
}

#[test]
fn what_a_credit_manager_writes_passes() {
    for source in [
        "",
        "{{ creditor.name | upper }}",
        "{# a note #}{{ invoices | length }} × {{ total | money }}",
        "{% for invoice in invoices %}{{ loop.index }}. {{ invoice.number }}{% if not loop.last %}, {% endif %}{% endfor %}",
        "{% for line in creditor.address %}{{ line }}{% else %}no address{% endfor %}",
        "{% if late_count > 1 and deadline %}{{ deadline | date }}{% elif previous %}{{ previous.sent_on | date }}{% else %}-{% endif %}",
        "{% if not creditor.bank %}-{% else %}{{ creditor.bank.iban }}{% if creditor.bank.bic %}{{ creditor.bank.bic }}{% endif %}{% endif %}",
        "{% if not payment_link or late_count == 1 %}{% else %}{{ payment_link }}{% endif %}",
        "{% for i in invoices %}{% if i.balance != i.amount and i.days_late >= -3 %}{{ i.balance | money }}{% endif %}{% endfor %}",
        "{% if deadline and deadline > today %}{% endif %}{% if step.key == 'last_reminder' %}{% endif %}",
        "{% raw %}{{ braces }}{% endraw %}",
    ] {
        assert_eq!(fault(source), None, "{source}");
    }
}

#[test]
fn what_may_be_absent_is_asked_for_first() {
    for source in [
        "{{ deadline | date }}",
        "{% if deadline %}{% else %}{{ deadline | date }}{% endif %}",
        "{% if deadline or late_count > 1 %}{{ deadline | date }}{% endif %}",
        "{% if not deadline %}{{ deadline | date }}{% endif %}",
        "{% if deadline %}{% endif %}{{ deadline | date }}",
        "{% if creditor.bank.bic %}{% endif %}",
        "{% if deadline > today %}{% endif %}",
        "{% if late_count > 1 or deadline > today %}{% endif %}",
        "{% for i in invoices %}{{ i.order_reference }}{% endfor %}",
    ] {
        assert_eq!(code(source), Some("may_be_absent"), "{source}");
    }
}

#[test]
fn kinds_decide_how_a_variable_is_used() {
    for source in [
        "{{ total }}",
        "{{ today }}",
        "{{ creditor }}",
        "{{ invoices }}",
        "{{ total | date }}",
        "{{ customer.name | money }}",
        "{{ customer.name | length }}",
        "{% for i in invoices %}{{ loop.last }}{% endfor %}",
        "{% if total %}{% endif %}",
        "{% if total > 5 %}{% endif %}",
        "{% if customer.name > 'a' %}{% endif %}",
        "{% if total < overdue_total %}{% endif %}",
    ] {
        assert_eq!(code(source), Some("wrong_kind"), "{source}");
    }
}

#[test]
fn a_fault_says_where_and_what_to_write_instead() {
    assert_eq!(
        fault("one\ntwo {{ customer.nmae }}"),
        Some(("unknown_variable", "line 2: there is no `customer.nmae`; did you mean `customer.name`?".to_owned()))
    );
    assert_eq!(
        fault("{% for i in invoices %}{{ i.balanse }}{% endfor %}"),
        Some(("unknown_variable", "line 1: there is no `i.balanse`; did you mean `i.balance`?".to_owned()))
    );
    assert_eq!(fault("{{ total }}"), Some(("wrong_kind", "line 1: `total` is an amount; write {{ total | money }}".to_owned())));
    assert_eq!(
        fault("{{ customer.name | replace('a', 'b') }}").unwrap().1,
        "line 1: the filter `replace` is not allowed; there are money, date, upper, lower, length"
    );
}

#[test]
fn what_is_used_is_told() {
    let used = check("{% for i in invoices %}{{ i.number }}{% endfor %}{{ total | money }}").unwrap();
    assert_eq!(used.iter().map(String::as_str).collect::<Vec<_>>(), ["invoices", "invoices[].number", "total"]);
}

#[test]
fn names_of_a_loop_end_with_it() {
    assert_eq!(code("{% for i in invoices %}{% endfor %}{{ i.number }}"), Some("unknown_variable"));
    assert_eq!(code("{{ loop.index }}"), Some("unknown_variable"));
    assert_eq!(code("{% for i in invoices %}{% else %}{{ i.number }}{% endfor %}"), Some("unknown_variable"));
    assert_eq!(code("{% for customer in invoices %}{% endfor %}"), Some("not_allowed"));
}
