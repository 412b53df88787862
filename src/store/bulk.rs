//! Many rows of one kind in one statement, for the paths that a run's speed hangs on.
//!
//! PostgreSQL takes the batch as arrays: one round trip whatever its size. SQLite is in the process, where a prepared statement per row costs no round trip; there the functions
//! of the aggregates serve. Invariant: both do exactly what those functions do, row by row.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::{
    PgConnection, RunQueryDsl,
    pg::sql_types::Array,
    sql_query,
    sql_types::{Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;

use super::{
    Conn, Token, accounts,
    accounts::Account,
    attempts,
    attempts::Attempt,
    messages,
    messages::{Ending, Message},
    reminders,
    reminders::Reminder,
    types::DbJson,
};
use crate::{
    domain::{
        delivery::{DeliveryStatus, EvidenceGrade, MessageState},
        ids::{MessageId, TenantId},
    },
    error::{Error, Result},
};

/// Adds rows: `insert_all!(conn, rows, Row in table { every, column, of, it })`. A field that is not listed does not compile.
#[macro_export]
macro_rules! insert_all {
    ($conn:expr, $rows:expr, $row:ident in $table:ident { $($column:ident),+ $(,)? }) => {{
        let rows: &[$row] = $rows;
        match $conn {
            _ if rows.is_empty() => {}
            $crate::store::Conn::Pg(pg) => {
                let columns = [$(stringify!($column)),+];
                let places: Vec<String> = (1..=columns.len()).map(|place| format!("${place}")).collect();
                let sql = format!(
                    concat!("INSERT INTO ", stringify!($table), " ({}) SELECT * FROM unnest({})"),
                    columns.join(", "),
                    places.join(", ")
                );
                // One array per column.
                let _whole = |row: &$row| {
                    let $row { $($column: _),+ } = row;
                };
                let query = diesel::sql_query(sql);
                $(
                    let values: Vec<_> = rows.iter().map(|row| &row.$column).collect();
                    let query = query.bind::<diesel::sql_types::Array<diesel::dsl::SqlTypeOf<$table::$column>>, _>(values);
                )+
                query.execute(pg)?;
            }
            $crate::store::Conn::Sqlite(sqlite) => {
                for row in rows {
                    diesel::insert_into($table::table).values(row).execute(sqlite)?;
                }
            }
        }
    }};
}

/// [`accounts::planned`] for many.
pub fn planned(conn: &mut Conn, tenant: TenantId, rows: &[Account]) -> Result<()> {
    let Conn::Pg(pg) = conn else { return rows.iter().try_for_each(|row| accounts::planned(conn, row)) };
    sql_query(
        "UPDATE accounts AS a SET policy_id = v.policy_id, policy_version = v.policy_version, next_action_at = v.next_action_at, \
         foreseen_at = v.foreseen_at, suppressed = v.suppressed \
         FROM unnest($2, $3, $4, $5, $6, $7, $8) AS v(customer_id, currency, policy_id, policy_version, next_action_at, foreseen_at, suppressed) \
         WHERE a.tenant_id = $1 AND a.customer_id = v.customer_id AND a.currency = v.currency",
    )
    .bind::<SqlUuid, _>(tenant.uuid())
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.customer_id.uuid()).collect::<Vec<Uuid>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.currency.to_string()).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(rows.iter().map(|row| row.policy_id.map(|id| id.uuid())).collect::<Vec<_>>())
    .bind::<Array<Nullable<Integer>>, _>(rows.iter().map(|row| row.policy_version).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(rows.iter().map(|row| row.next_action_at.map(|at| at.0)).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(rows.iter().map(|row| row.foreseen_at.map(|at| at.0)).collect::<Vec<_>>())
    .bind::<Array<Nullable<DbJson>>, _>(rows.iter().map(|row| row.suppressed.as_ref()).collect::<Vec<_>>())
    .execute(pg)?;
    Ok(())
}

/// [`messages::dispatch`] for many.
pub fn dispatch(conn: &mut Conn, tenant: TenantId, rows: &[(Message, Attempt)]) -> Result<()> {
    let Conn::Pg(pg) = conn else { return rows.iter().try_for_each(|(message, attempt)| messages::dispatch(conn, message, attempt)) };
    let messages = || rows.iter().map(|(message, _)| message);
    sql_query(
        "UPDATE messages AS m SET state = 'dispatched', address = v.address, provider_account_id = v.account, token = v.token, \
         lease_until = v.lease, attempts = v.attempts, subject = v.subject, html = v.html, body = v.body, segments = v.segments, \
         content_digest = v.digest, dispatched_at = v.at \
         FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         AS v(id, address, account, token, lease, attempts, subject, html, body, segments, digest, at) \
         WHERE m.tenant_id = $1 AND m.id = v.id",
    )
    .bind::<SqlUuid, _>(tenant.uuid())
    .bind::<Array<SqlUuid>, _>(messages().map(|row| row.id.uuid()).collect::<Vec<Uuid>>())
    .bind::<Array<Text>, _>(messages().map(|row| row.address.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(messages().map(|row| row.provider_account_id.map(|id| id.uuid())).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(messages().map(|row| row.token.map(|token| token.0)).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(messages().map(|row| row.lease_until.map(|at| at.0)).collect::<Vec<_>>())
    .bind::<Array<Integer>, _>(messages().map(|row| row.attempts).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(messages().map(|row| row.subject.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(messages().map(|row| row.html.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(messages().map(|row| row.body.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Integer>>, _>(messages().map(|row| row.segments).collect::<Vec<_>>())
    .bind::<Array<Nullable<Binary>>, _>(messages().map(|row| row.content_digest.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(messages().map(|row| row.dispatched_at.map(|at| at.0)).collect::<Vec<_>>())
    .execute(pg)?;
    let tried: Vec<Attempt> = rows.iter().map(|(_, attempt)| attempt.clone()).collect();
    attempts::insert(conn, &tried)
}

/// [`messages::finish`] for many: the ids whose token still stood.
pub fn finish(conn: &mut Conn, tenant: TenantId, rows: &[(MessageId, Token, Ending)], now: DateTime<Utc>) -> Result<HashSet<MessageId>> {
    let Conn::Pg(pg) = conn else {
        let mut written = HashSet::new();
        for (id, token, ending) in rows {
            if messages::finish(conn, tenant, *id, *token, ending, now)? {
                written.insert(*id);
            }
        }
        return Ok(written);
    };
    let ids: Vec<Uuid> = rows.iter().map(|(id, ..)| id.uuid()).collect();
    let tokens: Vec<Uuid> = rows.iter().map(|(_, token, _)| token.0).collect();
    let details: Vec<Option<&str>> = rows.iter().map(|(.., ending)| ending.detail.as_deref()).collect();
    sql_query(
        "UPDATE attempts AS a SET finished_at = $2, outcome = v.outcome, detail = v.detail \
         FROM unnest($3, $4, $5, $6) AS v(id, token, outcome, detail) WHERE a.tenant_id = $1 AND a.message_id = v.id AND a.token = v.token",
    )
    .bind::<SqlUuid, _>(tenant.uuid())
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(&ids)
    .bind::<Array<SqlUuid>, _>(&tokens)
    .bind::<Array<Text>, _>(rows.iter().map(|(.., ending)| ending.outcome).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(&details)
    .execute(pg)?;
    let failures: Vec<Option<&str>> =
        rows.iter().map(|(.., ending)| ending.detail.as_deref().filter(|_| ending.state != MessageState::Accepted)).collect();
    let written = sql_query(
        "UPDATE messages AS m SET state = v.state, next_attempt_at = v.next, provider_message_id = v.name, failure = v.failure, \
         finished_at = $2, lease_until = NULL, \
         delivery_status = CASE WHEN v.news AND m.delivery_rank < $10 THEN $11 ELSE m.delivery_status END, \
         evidence_grade = CASE WHEN v.news AND m.delivery_rank < $10 THEN $12 ELSE m.evidence_grade END, \
         delivery_rank = CASE WHEN v.news AND m.delivery_rank < $10 THEN $10 ELSE m.delivery_rank END \
         FROM unnest($3, $4, $5, $6, $7, $8, $9) AS v(id, token, state, next, name, failure, news) \
         WHERE m.tenant_id = $1 AND m.id = v.id AND m.token = v.token AND m.state = 'dispatched' RETURNING m.id",
    )
    .bind::<SqlUuid, _>(tenant.uuid())
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(&ids)
    .bind::<Array<SqlUuid>, _>(&tokens)
    .bind::<Array<Text>, _>(rows.iter().map(|(.., ending)| ending.state.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(rows.iter().map(|(.., ending)| ending.next_attempt_at).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|(.., ending)| ending.provider_message_id.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(&failures)
    .bind::<Array<Bool>, _>(rows.iter().map(|(.., ending)| ending.state == MessageState::Accepted).collect::<Vec<_>>())
    .bind::<Integer, _>(i32::from(DeliveryStatus::Accepted.rank()))
    .bind::<Text, _>(DeliveryStatus::Accepted.as_str())
    .bind::<Text, _>(EvidenceGrade::ProviderAccepted.as_str())
    .load::<Written>(pg)?;
    Ok(written.into_iter().map(|row| MessageId::from_uuid(row.id)).collect())
}

#[derive(diesel::QueryableByName)]
struct Written {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// [`reminders::complete`] for many.
pub fn complete(conn: &mut Conn, tenant: TenantId, rows: &[Reminder], at: DateTime<Utc>) -> Result<()> {
    let Conn::Pg(pg) = conn else { return rows.iter().try_for_each(|row| reminders::complete(conn, tenant, row, at)) };
    sql_query("UPDATE reminders SET state = 'completed', completed_at = $2, reason = NULL WHERE tenant_id = $1 AND id = ANY($3)")
        .bind::<SqlUuid, _>(tenant.uuid())
        .bind::<Timestamptz, _>(at)
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.id.uuid()).collect::<Vec<Uuid>>())
        .execute(pg)?;
    progress(pg, tenant, rows, at)
}

/// The steps that reminders did for their instalments. A repetition keeps the moment of the step's first completion.
fn progress(pg: &mut PgConnection, tenant: TenantId, rows: &[Reminder], at: DateTime<Utc>) -> Result<()> {
    let (mut ids, mut steps, mut cycles) = (Vec::new(), Vec::new(), Vec::new());
    for line in rows.iter().flat_map(|row| row.instalments.iter()) {
        if let (Some(step), Some(cycle)) = (&line.advances_to, line.cycle) {
            ids.push(line.instalment_id.uuid());
            steps.push(step.as_str());
            cycles.push(i32::try_from(cycle).map_err(Error::internal)?);
        }
    }
    sql_query(
        "UPDATE instalments AS i SET step_key = v.step, step_cycle = v.cycle, last_completed_at = $2, \
         first_completed_at = CASE WHEN v.cycle > 1 THEN i.first_completed_at ELSE $2 END \
         FROM unnest($3, $4, $5) AS v(id, step, cycle) WHERE i.tenant_id = $1 AND i.id = v.id",
    )
    .bind::<SqlUuid, _>(tenant.uuid())
    .bind::<Timestamptz, _>(at)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(steps)
    .bind::<Array<Integer>, _>(cycles)
    .execute(pg)?;
    Ok(())
}
