//! One SQL type per pair of native types, and how our values enter and leave them.
//!
//! | here | PostgreSQL | SQLite |
//! |---|---|---|
//! | [`DbUuid`] | `uuid` | 16-byte blob |
//! | [`UtcTs`] | `timestamptz` | integer microseconds since 1970 |
//! | [`DbJson`] | `jsonb` | JSON text |
//!
//! Invariant: what is written is read back equal on both; instants are whole microseconds.

use std::ops::Deref;

use chrono::{DateTime, TimeZone, Utc};
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql},
    pg::Pg,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, Binary, HasSqlType, Jsonb, Text, Timestamptz},
    sqlite::Sqlite,
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::connection::MultiBackend;
use crate::domain::ids::{Id, TenantId};

/// `uuid` on PostgreSQL, a 16-byte blob on SQLite.
#[derive(Debug, Clone, Copy, Default, diesel::sql_types::SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct DbUuid;

/// `timestamptz` on PostgreSQL, integer microseconds since 1970 on SQLite.
#[derive(Debug, Clone, Copy, Default, diesel::sql_types::SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct UtcTs;

/// `jsonb` on PostgreSQL, JSON text on SQLite.
#[derive(Debug, Clone, Copy, Default, diesel::sql_types::SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 3802, array_oid = 3807))]
#[diesel(sqlite_type(name = "Text"))]
pub struct DbJson;

macro_rules! sql_types {
    ($($st:ident),+) => {$(
        impl HasSqlType<$st> for MultiBackend {
            fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
                Self::lookup_sql_type::<$st>(lookup)
            }
        }
        impl diesel::sql_types::SqlOrd for $st {}
    )+};
}
sql_types!(DbUuid, UtcTs, DbJson);

/// What diesel's derives would write for a value of one column; by hand, so that `domain` need not know diesel.
macro_rules! column {
    ([$($generic:tt)*] $rust:ty as $st:ty) => {
        impl<$($generic)*> diesel::expression::AsExpression<$st> for $rust {
            type Expression = diesel::internal::derives::as_expression::Bound<$st, Self>;
            fn as_expression(self) -> Self::Expression {
                diesel::internal::derives::as_expression::Bound::new(self)
            }
        }
        impl<$($generic)*> diesel::expression::AsExpression<diesel::sql_types::Nullable<$st>> for $rust {
            type Expression = diesel::internal::derives::as_expression::Bound<diesel::sql_types::Nullable<$st>, Self>;
            fn as_expression(self) -> Self::Expression {
                diesel::internal::derives::as_expression::Bound::new(self)
            }
        }
        impl<'expr, $($generic)*> diesel::expression::AsExpression<$st> for &'expr $rust {
            type Expression = diesel::internal::derives::as_expression::Bound<$st, Self>;
            fn as_expression(self) -> Self::Expression {
                diesel::internal::derives::as_expression::Bound::new(self)
            }
        }
        impl<'expr, $($generic)*> diesel::expression::AsExpression<diesel::sql_types::Nullable<$st>> for &'expr $rust {
            type Expression = diesel::internal::derives::as_expression::Bound<diesel::sql_types::Nullable<$st>, Self>;
            fn as_expression(self) -> Self::Expression {
                diesel::internal::derives::as_expression::Bound::new(self)
            }
        }
        impl<DB, $($generic)*> ToSql<diesel::sql_types::Nullable<$st>, DB> for $rust
        where
            DB: Backend,
            Self: ToSql<$st, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                <Self as ToSql<$st, DB>>::to_sql(self, out)
            }
        }
        impl<DB, $($generic)*> diesel::deserialize::Queryable<$st, DB> for $rust
        where
            DB: Backend,
            Self: FromSql<$st, DB>,
        {
            type Row = Self;
            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
    };
}

/// How a value passes through the enum of both backends: as whichever is connected.
macro_rules! both_backends {
    ([$($generic:tt)*] $rust:ty as $st:ty) => {
        impl<$($generic)*> FromSql<$st, MultiBackend> for $rust {
            fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                value.from_sql::<Self, $st>()
            }
        }
        impl<$($generic)*> ToSql<$st, MultiBackend> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
                out.set_value((<$st>::default(), self));
                Ok(IsNull::No)
            }
        }
    };
}

macro_rules! uuid_column {
    ([$($generic:tt)*] $rust:ty, $into:expr, $from:expr) => {
        column!([$($generic)*] $rust as DbUuid);
        both_backends!([$($generic)*] $rust as DbUuid);
        impl<$($generic)*> FromSql<DbUuid, Pg> for $rust {
            fn from_sql(value: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                <Uuid as FromSql<diesel::sql_types::Uuid, Pg>>::from_sql(value).map($from)
            }
        }
        impl<$($generic)*> ToSql<DbUuid, Pg> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                <Uuid as ToSql<diesel::sql_types::Uuid, Pg>>::to_sql(&$into(*self), &mut out.reborrow())
            }
        }
        impl<$($generic)*> FromSql<DbUuid, Sqlite> for $rust {
            fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
                Ok($from(Uuid::from_slice(&bytes)?))
            }
        }
        impl<$($generic)*> ToSql<DbUuid, Sqlite> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value($into(*self).as_bytes().to_vec());
                Ok(IsNull::No)
            }
        }
    };
}
uuid_column!([K: crate::domain::ids::Kind + 'static] Id<K>, Id::uuid, Id::from_uuid);
uuid_column!([] TenantId, TenantId::uuid, TenantId::from_uuid);
uuid_column!([] Token, (|token: Token| token.0), Token);

/// A fencing token: who holds a lease, and nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub Uuid);

impl Token {
    /// A token never seen before.
    pub fn fresh() -> Self {
        Self(Uuid::new_v4())
    }
}

/// An instant in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ts(pub DateTime<Utc>);

impl From<DateTime<Utc>> for Ts {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at)
    }
}
impl From<Ts> for DateTime<Utc> {
    fn from(at: Ts) -> Self {
        at.0
    }
}
impl Deref for Ts {
    type Target = DateTime<Utc>;
    fn deref(&self) -> &DateTime<Utc> {
        &self.0
    }
}
column!([] Ts as UtcTs);
both_backends!([] Ts as UtcTs);
impl FromSql<UtcTs, Pg> for Ts {
    fn from_sql(value: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <DateTime<Utc> as FromSql<Timestamptz, Pg>>::from_sql(value).map(Self)
    }
}
impl ToSql<UtcTs, Pg> for Ts {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <DateTime<Utc> as ToSql<Timestamptz, Pg>>::to_sql(&self.0, out)
    }
}
impl FromSql<UtcTs, Sqlite> for Ts {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        Utc.timestamp_micros(micros).single().map(Self).ok_or_else(|| "instant out of range".into())
    }
}
impl ToSql<UtcTs, Sqlite> for Ts {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.timestamp_micros());
        Ok(IsNull::No)
    }
}

/// A value kept as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Json<T>(pub T);

impl<T> Deref for Json<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
column!([T: std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static] Json<T> as DbJson);
both_backends!([T: std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static] Json<T> as DbJson);
impl<T: DeserializeOwned> FromSql<DbJson, Pg> for Json<T> {
    fn from_sql(value: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let value = <serde_json::Value as FromSql<Jsonb, Pg>>::from_sql(value)?;
        Ok(Self(serde_json::from_value(value)?))
    }
}
impl<T: std::fmt::Debug + Serialize> ToSql<DbJson, Pg> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let value = serde_json::to_value(&self.0)?;
        <serde_json::Value as ToSql<Jsonb, Pg>>::to_sql(&value, &mut out.reborrow())
    }
}
impl<T: DeserializeOwned> FromSql<DbJson, Sqlite> for Json<T> {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
        Ok(Self(serde_json::from_str(&text)?))
    }
}
impl<T: std::fmt::Debug + Serialize> ToSql<DbJson, Sqlite> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(serde_json::to_string(&self.0)?);
        Ok(IsNull::No)
    }
}

/// Values whose one spelling (`Display` and `FromStr`) is the column's text.
macro_rules! text_columns {
    ($($rust:ty),+ $(,)?) => {$(
        column!([] $rust as Text);
        impl<DB: Backend> FromSql<Text, DB> for $rust
        where
            String: FromSql<Text, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                <String as FromSql<Text, DB>>::from_sql(value)?.parse().map_err(Into::into)
            }
        }
        impl<DB: Backend> ToSql<Text, DB> for $rust
        where
            str: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                <str as ToSql<Text, DB>>::to_sql(self.as_str(), out)
            }
        }
    )+};
}
text_columns!(
    crate::domain::access::Role,
    crate::domain::api_version::ApiVersion,
    crate::domain::connection::ConnectionState,
    crate::domain::connection::NoticeStatus,
    crate::domain::connection::System,
    crate::domain::contact::Channel,
    crate::domain::contact::Email,
    crate::domain::contact::Phone,
    crate::domain::credit::decision::CreditOutcome,
    crate::domain::credit::profile::PayerProfile,
    crate::domain::credit::request::GuaranteeKind,
    crate::domain::credit::request::Reservation,
    crate::domain::credit::request::SolvencyState,
    crate::domain::customer::CustomerKind,
    crate::domain::delivery::DeliveryStatus,
    crate::domain::delivery::EvidenceGrade,
    crate::domain::delivery::MessageState,
    crate::domain::delivery::PaperKind,
    crate::domain::delivery::SuppressionReason,
    crate::domain::dunning::reminder::ReminderState,
    crate::domain::dunning::reminder::TaskKind,
    crate::domain::dunning::reminder::TaskOutcome,
    crate::domain::dunning::reminder::TaskState,
    crate::domain::import::job::ImportFormat,
    crate::domain::import::job::ImportKind,
    crate::domain::import::job::ImportState,
    crate::domain::import::job::RowOutcome,
    crate::domain::ledger::InvoiceKind,
    crate::domain::ledger::direct_debit::DebitState,
    crate::domain::ledger::dispute::DisputeOutcome,
    crate::domain::ledger::dispute::DisputeReason,
    crate::domain::ledger::dispute::DisputeState,
    crate::domain::ledger::document::MediaType,
    crate::domain::ledger::interest::ChargeKind,
    crate::domain::ledger::interest::InterestHandling,
    crate::domain::ledger::interest::rates::Series,
    crate::domain::ledger::invoice::InvoiceStatus,
    crate::domain::ledger::payment_plan::PlanInterest,
    crate::domain::ledger::payment_plan::PlanState,
    crate::domain::ledger::promise::PromiseState,
    crate::domain::ledger::settlement::PaymentMethod,
    crate::domain::ledger::settlement::SettlementKind,
    crate::domain::ledger::terms::DueDateSource,
    crate::domain::event::EventType,
    crate::domain::locale::Jurisdiction,
    crate::domain::locale::Language,
    crate::domain::money::Currency,
    crate::domain::provider::CheckResult,
    crate::domain::provider::LookupFinding,
    crate::domain::provider::ProviderAccountState,
    crate::domain::push::SourceKind,
    crate::domain::suppression::Address,
    crate::domain::tenant::TenantStatus,
    crate::domain::version::VersionState,
    crate::domain::webhook::DeliveryState,
    crate::domain::webhook::EndpointState,
);
