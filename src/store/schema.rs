//! The tables as diesel sees them. The migrations are the source; `tests/store.rs` compares the two.

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// A creditor in one mode. Live and test are two rows whose ids differ in the last bit.
    tenants (tenant_id) {
        tenant_id -> DbUuid,
        name -> Text,
        jurisdiction -> Text,
        time_zone -> Text,
        language -> Text,
        currency -> Text,
        settings -> DbJson,
        status -> Text,
        clock_at -> Nullable<UtcTs>,
        clock_target -> Nullable<UtcTs>,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Keys, by the digest of their text; the platform's own stand under the nil tenant.
    api_keys (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        name -> Text,
        digest -> Binary,
        last4 -> Text,
        scopes -> DbJson,
        created_by -> Text,
        created_at -> UtcTs,
        expires_at -> Nullable<UtcTs>,
        revoked_at -> Nullable<UtcTs>,
        last_used_at -> Nullable<UtcTs>,
        role -> Nullable<Text>,
        networks -> DbJson,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// What a request with an Idempotency-Key did, written in its transaction.
    idempotency_records (tenant_id, key_digest) {
        tenant_id -> DbUuid,
        key_digest -> Binary,
        fingerprint -> Binary,
        status -> Integer,
        body -> Text,
        created_at -> UtcTs,
        expires_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Dunning scenarios; the document is in policy_versions.
    policies (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        name -> Text,
        builtin -> Nullable<Text>,
        priority -> Integer,
        active_version -> Nullable<Integer>,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    policy_versions (tenant_id, policy_id, version) {
        tenant_id -> DbUuid,
        policy_id -> DbUuid,
        version -> Integer,
        state -> Text,
        document -> DbJson,
        created_at -> UtcTs,
        activated_at -> Nullable<UtcTs>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Texts of the tenant; a key that is absent here means the built-in text.
    templates (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        key -> Text,
        name -> Text,
        active_version -> Nullable<Integer>,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    template_versions (tenant_id, template_id, version) {
        tenant_id -> DbUuid,
        template_id -> DbUuid,
        version -> Integer,
        state -> Text,
        contents -> DbJson,
        created_at -> UtcTs,
        activated_at -> Nullable<UtcTs>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Debtors.
    customers (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        source -> Nullable<Text>,
        external_id -> Nullable<Text>,
        number -> Nullable<Text>,
        name -> Text,
        kind -> Text,
        jurisdiction -> Text,
        language -> Nullable<Text>,
        time_zone -> Nullable<Text>,
        segment -> Nullable<Text>,
        score -> Nullable<Integer>,
        policy_id -> Nullable<DbUuid>,
        identifiers -> DbJson,
        address -> DbJson,
        metadata -> DbJson,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
        interest -> Nullable<Text>,
        terms_id -> Nullable<DbUuid>,
        company -> DbJson,
        name_key -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// People at a customer, in the order in which they are written to.
    contacts (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        customer_id -> DbUuid,
        position -> Integer,
        is_primary -> Bool,
        name -> Text,
        role -> Nullable<Text>,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        language -> Nullable<Text>,
        opted_out -> DbJson,
        created_at -> UtcTs,
        updated_at -> UtcTs,
        is_of_source -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    invoices (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        customer_id -> DbUuid,
        source -> Nullable<Text>,
        external_id -> Nullable<Text>,
        number -> Text,
        kind -> Text,
        status -> Text,
        issue_date -> Date,
        currency -> Text,
        net_minor -> Nullable<BigInt>,
        tax_minor -> Nullable<BigInt>,
        total_minor -> BigInt,
        balance_minor -> BigInt,
        order_reference -> Nullable<Text>,
        delivery_reference -> Nullable<Text>,
        structured_reference -> Nullable<Text>,
        payment_link -> Nullable<Text>,
        metadata -> DbJson,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
        late_interest -> Nullable<DbJson>,
        fixed_sum -> Nullable<DbJson>,
        order_date -> Nullable<Date>,
        delivery_date -> Nullable<Date>,
        due_date_source -> Text,
        terms_id -> Nullable<DbUuid>,
        terms_version -> Nullable<Integer>,
        terms -> Nullable<DbJson>,
        bare_number -> Nullable<Text>,
        bare_reference -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Parts of an invoice, each with its due date, its balance and how far the crescendo has come.
    instalments (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        invoice_id -> DbUuid,
        customer_id -> DbUuid,
        currency -> Text,
        position -> Integer,
        due_date -> Date,
        amount_minor -> BigInt,
        balance_minor -> BigInt,
        step_key -> Nullable<Text>,
        step_cycle -> Nullable<Integer>,
        first_completed_at -> Nullable<UtcTs>,
        last_completed_at -> Nullable<UtcTs>,
        discount_minor -> Nullable<BigInt>,
        discount_until -> Nullable<Date>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Money in (payments) and money given up (credit notes).
    settlements (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        kind -> Text,
        customer_id -> DbUuid,
        source -> Nullable<Text>,
        external_id -> Nullable<Text>,
        number -> Nullable<Text>,
        currency -> Text,
        amount_minor -> BigInt,
        unallocated_minor -> BigInt,
        settled_on -> Date,
        method -> Nullable<Text>,
        reference -> Nullable<Text>,
        reason -> Nullable<Text>,
        metadata -> DbJson,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
        earned_by -> Nullable<DbUuid>,
        withdrawn_at -> Nullable<UtcTs>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    allocations (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        settlement_id -> DbUuid,
        invoice_id -> DbUuid,
        instalment_id -> DbUuid,
        amount_minor -> BigInt,
        created_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    documents (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        invoice_id -> Nullable<DbUuid>,
        customer_id -> Nullable<DbUuid>,
        name -> Text,
        media_type -> Text,
        size -> Nullable<BigInt>,
        sha256 -> Nullable<Binary>,
        url -> Nullable<Text>,
        created_at -> UtcTs,
        file_id -> Nullable<DbUuid>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// One customer in one currency: the unit of decision.
    accounts (tenant_id, customer_id, currency) {
        tenant_id -> DbUuid,
        customer_id -> DbUuid,
        currency -> Text,
        policy_id -> Nullable<DbUuid>,
        policy_version -> Nullable<Integer>,
        next_action_at -> Nullable<UtcTs>,
        foreseen_at -> Nullable<UtcTs>,
        suppressed -> Nullable<DbJson>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Occurrences of a step: what was decided, for which instalments.
    reminders (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        customer_id -> DbUuid,
        currency -> Text,
        carrying_instalment_id -> DbUuid,
        policy_id -> DbUuid,
        policy_version -> Integer,
        step_key -> Text,
        cycle -> Integer,
        channel -> Text,
        template -> Text,
        formal -> Bool,
        contact_id -> Nullable<DbUuid>,
        state -> Text,
        reason -> Nullable<Text>,
        total_minor -> BigInt,
        instalments -> DbJson,
        due_at -> UtcTs,
        decided_at -> UtcTs,
        completed_at -> Nullable<UtcTs>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    provider_accounts (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        name -> Text,
        kind -> Text,
        channels -> DbJson,
        settings -> DbJson,
        credentials -> Nullable<Binary>,
        priority -> Integer,
        state -> Text,
        inbound_digest -> Binary,
        last_error -> Nullable<Text>,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
        weight -> Integer,
        rate_per_second -> Integer,
        concurrency -> Integer,
        inbound_token -> Nullable<Binary>,
        former_inbound_digest -> Nullable<Binary>,
        former_inbound_until -> Nullable<UtcTs>,
        failing_since -> Nullable<UtcTs>,
        paused_until -> Nullable<UtcTs>,
        checked_at -> Nullable<UtcTs>,
        check_result -> Nullable<Text>,
        test_hour -> Nullable<UtcTs>,
        test_count -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// One thing sent on one channel to one contact.
    messages (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        reminder_id -> Nullable<DbUuid>,
        customer_id -> DbUuid,
        contact_id -> Nullable<DbUuid>,
        provider_account_id -> Nullable<DbUuid>,
        channel -> Text,
        address -> Text,
        state -> Text,
        delivery_status -> Nullable<Text>,
        delivery_rank -> Integer,
        evidence_grade -> Nullable<Text>,
        token -> Nullable<DbUuid>,
        lease_until -> Nullable<UtcTs>,
        attempts -> Integer,
        next_attempt_at -> Nullable<UtcTs>,
        provider_message_id -> Nullable<Text>,
        subject -> Nullable<Text>,
        html -> Nullable<Text>,
        body -> Nullable<Text>,
        segments -> Nullable<Integer>,
        content_digest -> Nullable<Binary>,
        failure -> Nullable<Text>,
        created_at -> UtcTs,
        dispatched_at -> Nullable<UtcTs>,
        finished_at -> Nullable<UtcTs>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    attempts (tenant_id, message_id, number) {
        tenant_id -> DbUuid,
        message_id -> DbUuid,
        number -> Integer,
        token -> DbUuid,
        provider_account_id -> DbUuid,
        started_at -> UtcTs,
        finished_at -> Nullable<UtcTs>,
        outcome -> Nullable<Text>,
        detail -> Nullable<Text>,
        round -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Steps done by a person, and matters that need one.
    tasks (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        kind -> Text,
        reason -> Nullable<Text>,
        customer_id -> DbUuid,
        currency -> Nullable<Text>,
        reminder_id -> Nullable<DbUuid>,
        contact_id -> Nullable<DbUuid>,
        state -> Text,
        script -> Nullable<Text>,
        due_at -> UtcTs,
        owner -> Nullable<Text>,
        outcome -> Nullable<Text>,
        notes -> Nullable<Text>,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
        completed_at -> Nullable<UtcTs>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// What providers posted, byte for byte.
    inbound_requests (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        provider_account_id -> DbUuid,
        digest -> Binary,
        method -> Text,
        query -> Text,
        headers -> DbJson,
        body -> Binary,
        received_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// What a provider said later about a message: one row a statement.
    receipts (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        provider_account_id -> DbUuid,
        request_id -> Nullable<DbUuid>,
        dedupe -> Text,
        message_id -> Nullable<DbUuid>,
        provider_message_id -> Nullable<Text>,
        address -> Nullable<Text>,
        status -> Text,
        raw_name -> Text,
        detail -> Nullable<Text>,
        occurred_at -> UtcTs,
        due_at -> UtcTs,
        applied_at -> Nullable<UtcTs>,
        outcome -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Addresses that must not be written to.
    suppressions (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        channel -> Text,
        address -> Text,
        reason -> Text,
        source -> Text,
        created_at -> UtcTs,
        lifted_at -> Nullable<UtcTs>,
        lift_reason -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// How many entries a journal has. Whoever adds one holds this row until the commit, so that places follow commits and leave no gap.
    evidence_logs (tenant_id) {
        tenant_id -> DbUuid,
        size -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// The journal, each entry with its place in the log (seq). Rows are only ever added.
    evidence_entries (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        seq -> BigInt,
        kind -> Text,
        subject -> Text,
        actor -> Text,
        privileged -> Bool,
        occurred_at -> UtcTs,
        recorded_at -> UtcTs,
        body -> Text,
        commitments -> DbJson,
        digest -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// What opens the commitments of an entry; erasing a row erases the person and leaves the log whole.
    evidence_disclosures (tenant_id, entry_id, field) {
        tenant_id -> DbUuid,
        entry_id -> DbUuid,
        field -> Text,
        salt -> Binary,
        value -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Perfect subtrees of the Merkle log.
    evidence_nodes (tenant_id, level, position) {
        tenant_id -> DbUuid,
        level -> Integer,
        position -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Signed heads of the log: how many entries, and the line that callers are given.
    evidence_checkpoints (tenant_id, size) {
        tenant_id -> DbUuid,
        size -> BigInt,
        line -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Rates that the tenant adds to those that ship.
    reference_rates (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        series -> Text,
        valid_from -> Date,
        rate_percent -> Text,
        source -> Text,
        created_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Interest and fixed sums claimed in figures, with the lines they come from.
    charges (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        invoice_id -> DbUuid,
        customer_id -> DbUuid,
        currency -> Text,
        kind -> Text,
        accrued_until -> Date,
        amount_minor -> BigInt,
        balance_minor -> BigInt,
        waived_minor -> BigInt,
        interest_first -> Bool,
        computation -> DbJson,
        reason -> Nullable<Text>,
        created_at -> UtcTs,
        updated_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// What payments settle of charges.
    charge_allocations (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        settlement_id -> DbUuid,
        charge_id -> DbUuid,
        amount_minor -> BigInt,
        created_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Payment terms; the document is in terms_versions.
    terms (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        name -> Text,
        current_version -> Integer,
        archived_at -> Nullable<UtcTs>,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    terms_versions (tenant_id, terms_id, version) {
        tenant_id -> DbUuid,
        terms_id -> DbUuid,
        version -> Integer,
        document -> DbJson,
        created_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// A customer or an invoice left in peace for a while.
    holds (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        customer_id -> DbUuid,
        invoice_id -> Nullable<DbUuid>,
        reason -> Text,
        until -> Nullable<Date>,
        created_by -> Text,
        created_at -> UtcTs,
        lifted_at -> Nullable<UtcTs>,
        starts_on -> Nullable<Date>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Amounts that customers contest; no amount is the whole invoice.
    disputes (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        customer_id -> DbUuid,
        invoice_id -> DbUuid,
        currency -> Text,
        amount_minor -> Nullable<BigInt>,
        reason -> Text,
        note -> Nullable<Text>,
        documents -> DbJson,
        owner -> Nullable<Text>,
        respond_by -> Nullable<Date>,
        state -> Text,
        outcome -> Nullable<Text>,
        credited_minor -> Nullable<BigInt>,
        credit_note_id -> Nullable<DbUuid>,
        resolution -> Nullable<Text>,
        opened_on -> Date,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
        resolved_at -> Nullable<UtcTs>,
        task_id -> Nullable<DbUuid>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Collections announced to the bank.
    direct_debits (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        customer_id -> DbUuid,
        currency -> Text,
        collect_on -> Date,
        amount_minor -> BigInt,
        collected -> DbJson,
        reference -> Nullable<Text>,
        state -> Text,
        failure -> Nullable<Text>,
        payment_id -> Nullable<DbUuid>,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// What customers promised to pay, and what became of it.
    promises (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        customer_id -> DbUuid,
        currency -> Text,
        amount_minor -> BigInt,
        made_on -> Date,
        due_on -> Date,
        ends_on -> Date,
        said_by -> Nullable<Text>,
        contact_id -> Nullable<DbUuid>,
        channel -> Nullable<Text>,
        task_id -> Nullable<DbUuid>,
        state -> Text,
        received_minor -> BigInt,
        breach -> Nullable<Integer>,
        breached_on -> Nullable<Date>,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// What a promise covers.
    promise_instalments (tenant_id, promise_id, instalment_id) {
        tenant_id -> DbUuid,
        promise_id -> DbUuid,
        instalment_id -> DbUuid,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Agreed schedules.
    payment_plans (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        customer_id -> DbUuid,
        currency -> Text,
        amount_minor -> BigInt,
        tax_first -> Bool,
        interest -> Text,
        grace_days -> Integer,
        state -> Text,
        proposed_on -> Date,
        accepted_on -> Nullable<Date>,
        accepted_at -> Nullable<UtcTs>,
        accepted_by -> Nullable<Text>,
        accepted_from -> Nullable<Text>,
        text -> Nullable<Text>,
        text_sha256 -> Nullable<Binary>,
        ends_on -> Date,
        received_minor -> BigInt,
        missed_part -> Nullable<Integer>,
        breach -> Nullable<Integer>,
        breached_on -> Nullable<Date>,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
        ended_on -> Nullable<Date>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// The parts of a schedule, from 1.
    plan_parts (tenant_id, plan_id, number) {
        tenant_id -> DbUuid,
        plan_id -> DbUuid,
        number -> Integer,
        due_on -> Date,
        amount_minor -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// What a schedule covers.
    plan_instalments (tenant_id, plan_id, instalment_id) {
        tenant_id -> DbUuid,
        plan_id -> DbUuid,
        instalment_id -> DbUuid,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// How an account pays: a bounded memory, brought up to date with whatever happens.
    payment_habits (tenant_id, customer_id, currency) {
        tenant_id -> DbUuid,
        customer_id -> DbUuid,
        currency -> Text,
        habit -> DbJson,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// What a customer's credit stands at: the computed score, one set by hand, the watch list.
    credit_profiles (tenant_id, customer_id) {
        tenant_id -> DbUuid,
        customer_id -> DbUuid,
        score -> Nullable<Integer>,
        profile -> Nullable<Text>,
        assessed_at -> Nullable<UtcTs>,
        override_score -> Nullable<Integer>,
        override_reason -> Nullable<Text>,
        override_until -> Nullable<UtcTs>,
        override_by -> Nullable<Text>,
        watch_reason -> Nullable<Text>,
        watched_at -> Nullable<UtcTs>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Each score that differed from the one before, with what it was computed from.
    score_history (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        customer_id -> DbUuid,
        score -> Integer,
        profile -> Nullable<Text>,
        inputs -> DbJson,
        lines -> DbJson,
        assessed_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// How much may be open and reserved, by currency.
    credit_limits (tenant_id, customer_id, currency) {
        tenant_id -> DbUuid,
        customer_id -> DbUuid,
        currency -> Text,
        limit_minor -> BigInt,
        valid_until -> Nullable<Date>,
        reason -> Text,
        set_by -> Text,
        updated_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Who answers for a customer, up to which amount, until when.
    guarantees (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        customer_id -> DbUuid,
        kind -> Text,
        guarantor -> Text,
        currency -> Text,
        amount_minor -> BigInt,
        valid_from -> Date,
        expires_on -> Nullable<Date>,
        reference -> Nullable<Text>,
        released_at -> Nullable<UtcTs>,
        created_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// What was decided about orders, and what is reserved for them.
    credit_decisions (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        customer_id -> DbUuid,
        currency -> Text,
        amount_minor -> BigInt,
        order_reference -> Nullable<Text>,
        outcome -> Text,
        prepayment_minor -> BigInt,
        available_minor -> Nullable<BigInt>,
        score -> Integer,
        exposure -> DbJson,
        reasons -> DbJson,
        reservation -> Text,
        reserved_minor -> BigInt,
        reserved_until -> Nullable<UtcTs>,
        invoice_id -> Nullable<DbUuid>,
        override_reason -> Nullable<Text>,
        override_by -> Nullable<Text>,
        overridden_at -> Nullable<UtcTs>,
        version -> BigInt,
        created_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// What providers were asked, and what they answered, about customers' solvency.
    solvency_checks (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        customer_id -> DbUuid,
        provider_account_id -> Nullable<DbUuid>,
        state -> Text,
        reason -> Nullable<Text>,
        attempts -> Integer,
        next_attempt_at -> Nullable<UtcTs>,
        rating -> Nullable<Integer>,
        recommended_minor -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        reference -> Nullable<Text>,
        summary -> Nullable<Text>,
        failure -> Nullable<Text>,
        requested_at -> UtcTs,
        answered_at -> Nullable<UtcTs>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Messages in doubt whose provider can be asked about them.
    lookups (tenant_id, message_id) {
        tenant_id -> DbUuid,
        message_id -> DbUuid,
        provider_account_id -> DbUuid,
        asked -> Integer,
        doubted_at -> UtcTs,
        next_at -> Nullable<UtcTs>,
        last_at -> Nullable<UtcTs>,
        finding -> Nullable<Text>,
        detail -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Date};
    use crate::store::types::DbUuid;

    /// What a day's text messages cost, in segments.
    text_days (tenant_id, day) {
        tenant_id -> DbUuid,
        day -> Date,
        segments -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{Date, Integer, Text};
    use crate::store::types::DbUuid;

    /// How many text messages a number was sent on a day.
    text_numbers (tenant_id, day, address) {
        tenant_id -> DbUuid,
        day -> Date,
        address -> Text,
        messages -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Documents of a message: the letter as it was handed over, and what proves its way.
    message_documents (tenant_id, message_id, kind, sha256) {
        tenant_id -> DbUuid,
        message_id -> DbUuid,
        kind -> Text,
        sha256 -> Binary,
        document_id -> DbUuid,
        created_at -> UtcTs,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Receipts of letters whose documents are still to be had.
    proof_calls (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        provider_account_id -> DbUuid,
        tried -> Integer,
        began_at -> UtcTs,
        next_at -> Nullable<UtcTs>,
        detail -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Which invoices were told to have fallen overdue. A table of its own to diesel, which compiles for far longer once one has more than 32 columns.
    #[sql_name = "invoices"]
    overdue_invoices (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        overdue_told_on -> Nullable<Date>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// How far each tenant's due dates have been looked at.
    overdue_marks (tenant_id) {
        tenant_id -> DbUuid,
        through -> Date,
    }
}

diesel::table! {
    use diesel::sql_types::{Date, Text};
    use crate::store::types::DbUuid;

    payer_accounts (tenant_id, iban, customer_id) {
        tenant_id -> DbUuid,
        iban -> Text,
        customer_id -> DbUuid,
        last_paid_on -> Date,
    }
}

diesel::table! {
    use crate::store::types::{DbJson, DbUuid, UtcTs};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    /// Whom integrators have us tell.
    webhook_endpoints (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        url -> Text,
        description -> Nullable<Text>,
        event_types -> DbJson,
        state -> Text,
        disabled_because -> Nullable<Text>,
        secret -> Binary,
        former_secret -> Nullable<Binary>,
        former_until -> Nullable<UtcTs>,
        told -> BigInt,
        failing_since -> Nullable<UtcTs>,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
        api_version -> Text,
    }
}

diesel::table! {
    use crate::store::types::{DbJson, DbUuid, UtcTs};
    use diesel::sql_types::{Integer, Nullable, Text};

    /// What each endpoint is told, and how often that was tried.
    webhook_deliveries (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        endpoint_id -> DbUuid,
        entry_id -> DbUuid,
        event_type -> Text,
        state -> Text,
        tries -> DbJson,
        tried -> Integer,
        next_try_at -> Nullable<UtcTs>,
        token -> Nullable<DbUuid>,
        created_at -> UtcTs,
        finished_at -> Nullable<UtcTs>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Whose tokens a tenant believes.
    identity_providers (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        name -> Text,
        issuer -> Text,
        audience -> Text,
        algorithms -> DbJson,
        roles -> Nullable<DbJson>,
        scopes -> Nullable<DbJson>,
        created_by -> Text,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
        revoked_at -> Nullable<UtcTs>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Whom they named.
    people (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        provider_id -> DbUuid,
        subject -> Nullable<Text>,
        created_at -> UtcTs,
        last_seen_at -> UtcTs,
        blocked_at -> Nullable<UtcTs>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Date, Integer, Nullable, Text};
    use crate::store::types::{DbJson, DbUuid, UtcTs};

    /// Keys that open one debtor's page.
    publishable_keys (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        customer_id -> DbUuid,
        digest -> Binary,
        last4 -> Text,
        created_by -> Text,
        created_at -> UtcTs,
        expires_at -> UtcTs,
        revoked_at -> Nullable<UtcTs>,
        last_used_at -> Nullable<UtcTs>,
    }
}

diesel::table! {
    use crate::store::types::{DbJson, DbUuid, UtcTs};
    use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};

    /// What requests did.
    requests (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        operation -> Text,
        method -> Text,
        path -> Text,
        status -> Integer,
        code -> Nullable<Text>,
        actor -> Text,
        took_micros -> BigInt,
        key_digest -> Nullable<Binary>,
        replayed -> Bool,
        resource -> Nullable<Text>,
        entries -> Nullable<DbJson>,
        received_at -> UtcTs,
    }
}

diesel::table! {
    use crate::store::types::{DbJson, DbUuid, UtcTs};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    /// Files that were sent.
    files (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        sha256 -> Nullable<Binary>,
        size -> BigInt,
        created_at -> UtcTs,
    }
}

diesel::table! {
    use crate::store::types::DbUuid;
    use diesel::sql_types::{Binary, Integer};

    /// Their bytes, in pieces.
    pieces (tenant_id, file_id, number) {
        tenant_id -> DbUuid,
        file_id -> DbUuid,
        number -> Integer,
        content -> Binary,
    }
}

diesel::table! {
    use crate::store::types::{DbJson, DbUuid, UtcTs};
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};

    /// Imports, and how far each has come.
    imports (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        file_id -> DbUuid,
        file_name -> Nullable<Text>,
        kind -> Text,
        format -> Text,
        source -> Text,
        settings -> DbJson,
        dry_run -> Bool,
        state -> Text,
        place -> BigInt,
        line -> BigInt,
        counts -> DbJson,
        problems -> DbJson,
        created_by -> Text,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
        started_at -> Nullable<UtcTs>,
        finished_at -> Nullable<UtcTs>,
    }
}

diesel::table! {
    use crate::store::types::{DbJson, DbUuid};
    use diesel::sql_types::{BigInt, Text};

    /// What became of each row of an import.
    import_rows (tenant_id, import_id, number) {
        tenant_id -> DbUuid,
        import_id -> DbUuid,
        number -> BigInt,
        line -> BigInt,
        reference -> Text,
        outcome -> Text,
        things -> DbJson,
        problems -> DbJson,
    }
}

diesel::table! {
    use crate::store::types::{DbJson, DbUuid, UtcTs};
    use diesel::sql_types::{BigInt, Text};

    /// Which column of a table feeds which field.
    import_mappings (tenant_id, name) {
        tenant_id -> DbUuid,
        name -> Text,
        document -> DbJson,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
    }
}

diesel::table! {
    use crate::store::types::{DbUuid, UtcTs};
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};

    /// Documents of other systems, as far as they must be known beside the ledger: what was applied last, and what was recorded on their word.
    source_documents (tenant_id, source, kind, external_id) {
        tenant_id -> DbUuid,
        source -> Text,
        kind -> Text,
        external_id -> Text,
        left_minor -> BigInt,
        stand_ins -> Integer,
        source_updated_at -> Nullable<UtcTs>,
        direct_debit_id -> Nullable<DbUuid>,
        hold_id -> Nullable<DbUuid>,
        updated_at -> UtcTs,
    }
}

diesel::table! {
    use crate::store::types::{DbJson, DbUuid, UtcTs};
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};

    /// Accounting software that tells us, or is asked.
    connections (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        system -> Text,
        source -> Text,
        name -> Text,
        state -> Text,
        settings -> DbJson,
        credentials -> Binary,
        inbound_digest -> Binary,
        inbound_token -> Binary,
        former_inbound_digest -> Nullable<Binary>,
        former_inbound_until -> Nullable<UtcTs>,
        place -> Nullable<Text>,
        poll_at -> Nullable<UtcTs>,
        renewing_until -> Nullable<UtcTs>,
        last_error -> Nullable<Text>,
        version -> BigInt,
        created_at -> UtcTs,
        updated_at -> UtcTs,
    }
}

diesel::table! {
    use crate::store::types::{DbJson, DbUuid, UtcTs};
    use diesel::sql_types::Binary;

    /// Requests of connections as they arrived, for a month.
    notice_bodies (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        connection_id -> DbUuid,
        headers -> DbJson,
        body -> Binary,
        received_at -> UtcTs,
    }
}

diesel::table! {
    use crate::store::types::{DbJson, DbUuid, UtcTs};
    use diesel::sql_types::{Integer, Nullable, Text};

    /// What connections were told, each thing once, and what became of it.
    notices (tenant_id, id) {
        tenant_id -> DbUuid,
        id -> DbUuid,
        connection_id -> DbUuid,
        body_id -> Nullable<DbUuid>,
        dedupe -> Text,
        told -> Nullable<DbJson>,
        status -> Text,
        reason -> Nullable<Text>,
        tried -> Integer,
        next_at -> Nullable<UtcTs>,
        received_at -> UtcTs,
        finished_at -> Nullable<UtcTs>,
    }
}

// Only what some query joins or looks into: each pair of a group costs every build.
diesel::allow_tables_to_appear_in_same_query!(templates, template_versions);
diesel::allow_tables_to_appear_in_same_query!(policies, policy_versions);
diesel::allow_tables_to_appear_in_same_query!(terms, terms_versions);
diesel::allow_tables_to_appear_in_same_query!(evidence_logs, evidence_entries);
diesel::allow_tables_to_appear_in_same_query!(instalments, overdue_invoices);
diesel::allow_tables_to_appear_in_same_query!(documents, files, imports);
diesel::allow_tables_to_appear_in_same_query!(
    accounts,
    contacts,
    credit_profiles,
    customers,
    invoices,
    instalments,
    settlements,
    allocations,
    charges,
    disputes,
    promises,
    promise_instalments,
    payment_plans,
    plan_instalments
);
