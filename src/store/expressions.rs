//! Pieces of SQL that diesel lacks, valid on both databases.

use diesel::{
    QueryResult,
    backend::Backend,
    expression::{AppearsOnTable, AsExpression, Expression, SelectableExpression, TypedExpressionType, ValidGrouping, is_aggregate},
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{BigInt, Nullable, SqlType},
};

/// `CAST(SUM(x) AS BIGINT)`: PostgreSQL would widen a sum of `bigint` to `numeric`.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct SumMinor<E>(pub E);

impl<E: Expression> Expression for SumMinor<E>
where
    E::SqlType: SqlType + TypedExpressionType,
{
    type SqlType = Nullable<BigInt>;
}
impl<E, G> ValidGrouping<G> for SumMinor<E> {
    type IsAggregate = is_aggregate::Yes;
}
impl<DB: Backend, E: QueryFragment<DB>> QueryFragment<DB> for SumMinor<E> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("CAST(SUM(");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS BIGINT)");
        Ok(())
    }
}
impl<QS, E: AppearsOnTable<QS>> AppearsOnTable<QS> for SumMinor<E> where Self: Expression {}
impl<QS, E: SelectableExpression<QS>> SelectableExpression<QS> for SumMinor<E> where Self: AppearsOnTable<QS> {}

/// Makes a literal of one column's type where inference needs a hand.
pub fn value<ST, T>(value: T) -> T::Expression
where
    ST: SqlType + TypedExpressionType,
    T: AsExpression<ST>,
{
    value.as_expression()
}
