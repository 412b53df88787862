//! What a template may say: variables, five filters, `if` and `for`. Everything else is refused, by name, with what to write instead.
//!
//! The engine's own parser reads the source and this module walks the tree that it built, arm by arm: what no arm names is refused, so
//! a new construct of the engine is refused too. Not here: rendering.
//!
//! Invariants of a source that passes: every path exists; amounts and dates go through their filter; what may be absent is used only
//! where an `if` has asked for it; loops do not nest, so the work is at most the source times the lines of the account. The source is
//! measured before it is parsed, because a chain of ten thousand operators is a tree ten thousand deep.

use std::collections::BTreeSet;

use minijinja::machinery::{
    Span, Token,
    ast::{BinOpKind, CallArg, CompareOpKind, Expr, Filter, ForLoop, IfCond, Stmt, UnaryOpKind},
    parse, tokenize,
};

use super::{
    render::syntax,
    variables::{self, Kind, Variable},
};
use crate::domain::invalid::Faults;

/// The longest source of one part, in bytes.
pub const MAX_SOURCE: usize = 64_000;
/// The most words and signs in one tag.
const MAX_TOKENS: usize = 48;
/// The most `if`, `elif` and `for` around one place.
const MAX_DEPTH: usize = 16;
/// The longest explanation, in characters: names are quoted, and a hostile one is long.
const MAX_DETAIL: usize = 300;
/// Faults told at once; whoever sends more has sent something else than a template.
const MAX_FAULTS: usize = 20;
/// The filters there are.
pub const FILTERS: [&str; 5] = ["money", "date", "upper", "lower", "length"];

/// Reads one part of a template and gives the paths of the variables that it uses, lists as `invoices[].number`.
///
/// # Errors
/// Every fault, with an empty pointer and the line in its detail.
pub fn check(source: &str) -> Result<BTreeSet<String>, Faults> {
    measure(source)?;
    let tree = parse(source, "", syntax()).map_err(|error| {
        let what = error.detail().unwrap_or("the braces or their content are malformed");
        let detail = explain(error.line().unwrap_or(1), what) + "; a template holds {{ name }}, if, elif, else and for";
        Faults::one("", "template_syntax", detail)
    })?;
    let mut walk = Walk::default();
    walk.statement(&tree);
    walk.faults.or(walk.used)
}

/// Refuses what would make a tree too deep to walk, before there is a tree.
fn measure(source: &str) -> Result<(), Faults> {
    if source.len() > MAX_SOURCE {
        return Err(Faults::one("", "too_long", format!("{} bytes; at most {MAX_SOURCE}", source.len())));
    }
    let too_deep = |span: Span, what: &str| Err(Faults::one("", "too_complex", explain(span.start_line.into(), what)));
    let (mut tokens, mut open, mut after_start) = (0_usize, Vec::new(), false);
    for token in tokenize(source, false, syntax()) {
        // What cannot be read stops the parser at the same place, and the parser says why.
        let Ok((token, span)) = token else { break };
        match token {
            Token::BlockStart | Token::VariableStart => tokens = 0,
            Token::Ident("if" | "for") if after_start => open.push(1),
            Token::Ident("elif") if after_start => {
                if let Some(depth) = open.last_mut() {
                    *depth += 1_usize;
                }
            }
            Token::Ident("endif" | "endfor") if after_start => drop(open.pop()),
            _ => tokens = tokens.saturating_add(1),
        }
        after_start = matches!(token, Token::BlockStart);
        if matches!(token, Token::TemplateData(_)) {
            tokens = 0;
        }
        if tokens > MAX_TOKENS {
            return too_deep(span, "one tag holds more than 48 words and signs; split it");
        }
        if open.iter().sum::<usize>() > MAX_DEPTH {
            return too_deep(span, "more than 16 conditions inside or after each other; write fewer");
        }
    }
    Ok(())
}

/// The walk through one tree.
#[derive(Default)]
struct Walk<'s> {
    faults: Faults,
    used: BTreeSet<String>,
    /// The name that the surrounding `for` gives to an item, and the path of that item.
    item: Option<(&'s str, String)>,
    /// Paths that a surrounding `if` found present.
    present: Vec<String>,
}

impl<'s> Walk<'s> {
    fn refuse(&mut self, span: Span, code: &'static str, detail: impl AsRef<str>) {
        if self.faults.0.len() < MAX_FAULTS {
            self.faults.add("", code, explain(span.start_line.into(), detail.as_ref()));
        }
    }

    fn statements(&mut self, statements: &[Stmt<'s>]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Stmt<'s>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitRaw(_) => {}
            Stmt::EmitExpr(emit) => self.print(&emit.expr),
            Stmt::IfCond(cond) => self.branch(cond),
            Stmt::ForLoop(for_loop) => self.repeat(for_loop, for_loop.span()),
            Stmt::Set(s) => self.no_statement(s.span(), "set"),
            Stmt::SetBlock(s) => self.no_statement(s.span(), "set"),
            Stmt::WithBlock(s) => self.no_statement(s.span(), "with"),
            Stmt::AutoEscape(s) => self.no_statement(s.span(), "autoescape"),
            Stmt::FilterBlock(s) => self.no_statement(s.span(), "filter"),
            Stmt::Do(s) => self.no_statement(s.span(), "do"),
            #[expect(unreachable_patterns, reason = "the engine has more statements when other features are on; they are refused too")]
            _ => self.no_statement(Span::default(), "this statement"),
        }
    }

    fn no_statement(&mut self, span: Span, name: &str) {
        self.refuse(
            span,
            "not_allowed",
            format!("`{name}` is not allowed; use if, elif, else and for, and write the words where they belong"),
        );
    }

    /// `{% if %}`: each branch knows what its condition has found present.
    fn branch(&mut self, cond: &IfCond<'s>) {
        self.condition(&cond.expr);
        let before = self.present.len();
        let then = self.presumed(&cond.expr, true);
        self.present.extend(then);
        self.statements(&cond.true_body);
        self.present.truncate(before);
        let otherwise = self.presumed(&cond.expr, false);
        self.present.extend(otherwise);
        self.statements(&cond.false_body);
        self.present.truncate(before);
    }

    /// `{% for %}`: over one list, not inside another, without conditions of its own.
    fn repeat(&mut self, for_loop: &ForLoop<'s>, span: Span) {
        if self.item.is_some() {
            return self.refuse(span, "not_allowed", "a `for` inside a `for` is not allowed; the facts hold no list of lists");
        }
        if for_loop.filter_expr.is_some() || for_loop.recursive {
            self.refuse(span, "not_allowed", "`for` takes no `if` and no `recursive`; write the `if` inside");
        }
        let list = self.usable(&for_loop.iter).filter(|(_, variable)| variable.kind == Kind::List);
        let target = match &for_loop.target {
            Expr::Var(var) if var.id != "loop" && variables::find(var.id).is_none() => Some(var.id),
            _ => None,
        };
        match (target, list) {
            (Some(name), Some((path, _))) => {
                self.item = Some((name, format!("{path}[]")));
                self.statements(&for_loop.body);
                self.item = None;
                self.statements(&for_loop.else_body);
            }
            (None, _) => self.refuse(span, "not_allowed", "`for` needs one new name, such as `for invoice in invoices`"),
            (_, None) => self.refuse(span, "not_allowed", "`for` goes over a list, such as `invoices` or `creditor.address`"),
        }
    }

    /// `{{ … }}`: one variable, with the filter that its kind needs.
    fn print(&mut self, expr: &Expr<'s>) {
        let filtered = match expr {
            Expr::Filter(filter) => self.filter(filter, filter.span()),
            _ => self.present_variable(expr),
        };
        let Some((path, kind)) = filtered else { return };
        let advice = match kind {
            Kind::Text | Kind::Number => return,
            Kind::Money => format!("`{path}` is an amount; write {{{{ {path} | money }}}}"),
            Kind::Date => format!("`{path}` is a date; write {{{{ {path} | date }}}}"),
            Kind::Flag => format!("`{path}` is yes or no; use it in an `if`"),
            Kind::Group => format!("`{path}` holds several facts; print one of them"),
            Kind::List => format!("`{path}` is a list; write a `for`, or {{{{ {path} | length }}}}"),
        };
        self.refuse(expr.span(), "wrong_kind", advice);
    }

    /// A filter and what it makes of its variable.
    fn filter(&mut self, filter: &Filter<'s>, span: Span) -> Option<(String, Kind)> {
        if !FILTERS.contains(&filter.name) {
            self.refuse(span, "not_allowed", format!("the filter `{}` is not allowed; there are {}", filter.name, FILTERS.join(", ")));
            return None;
        }
        let inner = filter.expr.as_ref()?;
        if matches!(inner, Expr::Filter(_)) {
            self.refuse(span, "not_allowed", "one filter is enough");
            return None;
        }
        if let Some(CallArg::Pos(_) | CallArg::Kwarg(..) | CallArg::PosSplat(_) | CallArg::KwargSplat(_)) = filter.args.first() {
            self.refuse(span, "not_allowed", format!("`{}` takes no arguments", filter.name));
        }
        let (path, kind) = self.present_variable(inner)?;
        let (wanted, made) = match filter.name {
            "money" => (Kind::Money, Kind::Text),
            "date" => (Kind::Date, Kind::Text),
            "length" => (Kind::List, Kind::Number),
            _ => (Kind::Text, Kind::Text),
        };
        if kind != wanted {
            self.refuse(span, "wrong_kind", format!("`{}` does not fit `{path}`; it is for {}", filter.name, plural(wanted)));
        }
        Some((path, made))
    }

    /// The condition of an `if`.
    fn condition(&mut self, expr: &Expr<'s>) {
        match expr {
            Expr::UnaryOp(op) if matches!(op.op, UnaryOpKind::Not) => self.condition(&op.expr),
            Expr::BinOp(op) => match op.op {
                BinOpKind::ScAnd | BinOpKind::ScOr => {
                    self.condition(&op.left);
                    let before = self.present.len();
                    let known = self.presumed(&op.left, matches!(op.op, BinOpKind::ScAnd));
                    self.present.extend(known);
                    self.condition(&op.right);
                    self.present.truncate(before);
                }
                BinOpKind::Eq | BinOpKind::Ne => self.comparison(&op.left, &op.right, true, op.span()),
                BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => {
                    self.comparison(&op.left, &op.right, false, op.span());
                }
                _ => self.refuse(op.span(), "not_allowed", "an `if` compares and combines with and, or, not; it does not calculate"),
            },
            Expr::Compare(compare) => match compare.ops.as_slice() {
                [only] if !matches!(only.op, CompareOpKind::In | CompareOpKind::NotIn) => {
                    let equality = matches!(only.op, CompareOpKind::Eq | CompareOpKind::Ne);
                    self.comparison(&compare.expr, &only.expr, equality, compare.span());
                }
                _ => self.refuse(compare.span(), "not_allowed", "compare two things at a time, with == != < <= > >="),
            },
            Expr::Var(_) | Expr::GetAttr(_) => {
                if let Some((path, variable)) = self.usable(expr)
                    && !variable.optional
                    && matches!(variable.kind, Kind::Money | Kind::Date | Kind::Group)
                {
                    self.refuse(expr.span(), "wrong_kind", format!("`{path}` is always there; compare it, or leave the `if` out"));
                }
            }
            _ => self.refuse(expr.span(), "not_allowed", format!("{} is not a condition; use a variable or a comparison", describe(expr))),
        }
    }

    /// Two operands of one kind.
    fn comparison(&mut self, left: &Expr<'s>, right: &Expr<'s>, equality: bool, span: Span) {
        let (Some(one), Some(two)) = (self.operand(left), self.operand(right)) else { return };
        let comparable = match one {
            Kind::Number | Kind::Date => true,
            Kind::Text | Kind::Money => equality,
            Kind::Flag | Kind::Group | Kind::List => false,
        };
        if one != two {
            self.refuse(span, "wrong_kind", format!("{} are not compared with {}", plural(one), plural(two)));
        } else if !comparable {
            self.refuse(span, "wrong_kind", format!("{} are not compared this way", plural(one)));
        }
    }

    /// The kind of one side of a comparison.
    fn operand(&mut self, expr: &Expr<'s>) -> Option<Kind> {
        match expr {
            Expr::Const(constant) if constant.value.is_integer() => Some(Kind::Number),
            Expr::Const(constant) if constant.value.as_str().is_some() => Some(Kind::Text),
            Expr::UnaryOp(op) if matches!(op.op, UnaryOpKind::Neg) && matches!(op.expr, Expr::Const(_)) => self.operand(&op.expr),
            Expr::Filter(filter) if filter.name == "length" => self.filter(filter, filter.span()).map(|(_, kind)| kind),
            _ => self.present_variable(expr).map(|(_, kind)| kind),
        }
    }

    /// A variable that is certainly there.
    fn present_variable(&mut self, expr: &Expr<'s>) -> Option<(String, Kind)> {
        let (path, variable) = self.usable(expr)?;
        if variable.optional && !self.present.contains(&path) {
            let name = self.spoken(&path);
            self.refuse(expr.span(), "may_be_absent", format!("`{name}` may be absent; put it inside {{% if {name} %}} … {{% endif %}}"));
        }
        Some((path, variable.kind))
    }

    /// A variable that exists and whose groups are certainly there.
    fn usable(&mut self, expr: &Expr<'s>) -> Option<(String, &'static Variable)> {
        let Some(path) = self.path(expr) else {
            self.refuse(expr.span(), "not_allowed", format!("{} is not allowed; use a variable, such as `customer.name`", describe(expr)));
            return None;
        };
        let variable = variables::find(&path).filter(|variable| self.item.is_some() || !variable.path.starts_with("loop."));
        let Some(variable) = variable else {
            let name = self.spoken(&path);
            let hint = variables::nearest(&path).map_or_else(
                || "the variables are listed in the documentation".to_owned(),
                |known| format!("did you mean `{}`?", self.spoken(known)),
            );
            self.refuse(expr.span(), "unknown_variable", format!("there is no `{name}`; {hint}"));
            return None;
        };
        let absent = path.match_indices('.').filter_map(|(end, _)| path.get(..end)).find(|group| {
            variables::find(group).is_some_and(|variable| variable.optional) && !self.present.iter().any(|known| known == group)
        });
        if let Some(group) = absent {
            let group = self.spoken(group);
            self.refuse(expr.span(), "may_be_absent", format!("`{group}` may be absent; put it inside {{% if {group} %}} … {{% endif %}}"));
        }
        self.used.insert(path.clone());
        Some((path, variable))
    }

    /// The dotted path of an expression that is one, with the item of a `for` under its list.
    fn path(&self, expr: &Expr<'s>) -> Option<String> {
        match expr {
            Expr::Var(var) => Some(match &self.item {
                Some((name, path)) if *name == var.id => path.clone(),
                _ => var.id.to_owned(),
            }),
            Expr::GetAttr(attr) => Some(format!("{}.{}", self.path(&attr.expr)?, attr.name)),
            _ => None,
        }
    }

    /// A path as the author wrote it.
    fn spoken(&self, path: &str) -> String {
        match &self.item {
            Some((name, item)) => path.strip_prefix(item.as_str()).map_or_else(|| path.to_owned(), |rest| format!("{name}{rest}")),
            None => path.to_owned(),
        }
    }

    /// What is certainly there once `expr` has turned out to be `truth`.
    fn presumed(&self, expr: &Expr<'s>, truth: bool) -> Vec<String> {
        match expr {
            Expr::Var(_) | Expr::GetAttr(_) if truth => self.path(expr).into_iter().collect(),
            Expr::UnaryOp(op) if matches!(op.op, UnaryOpKind::Not) => self.presumed(&op.expr, !truth),
            Expr::BinOp(op) if matches!((&op.op, truth), (BinOpKind::ScAnd, true) | (BinOpKind::ScOr, false)) => {
                let mut known = self.presumed(&op.left, truth);
                known.extend(self.presumed(&op.right, truth));
                known
            }
            _ => Vec::new(),
        }
    }
}

/// The detail of a fault.
fn explain(line: usize, what: &str) -> String {
    format!("line {line}: {what:.MAX_DETAIL$}")
}

/// What the author wrote, in a word.
fn describe(expr: &Expr<'_>) -> &'static str {
    match expr {
        Expr::Call(_) => "a call",
        Expr::Slice(_) => "a slice",
        Expr::GetItem(_) => "an index in brackets",
        Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => "a list or map",
        Expr::IfExpr(_) => "an inline `if`",
        Expr::Test(_) => "a test with `is`",
        Expr::Const(_) => "a fixed value",
        Expr::Filter(_) => "a filter here",
        Expr::BinOp(_) | Expr::UnaryOp(_) => "a calculation",
        Expr::Compare(_) => "a comparison here",
        Expr::Var(_) | Expr::GetAttr(_) => "this variable",
    }
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "texts",
        Kind::Number => "numbers",
        Kind::Money => "amounts",
        Kind::Date => "dates",
        Kind::Flag => "flags",
        Kind::Group => "groups",
        Kind::List => "lists",
    }
}

#[cfg(test)]
mod tests;
