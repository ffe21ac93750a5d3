//! Text for people: tables, lists of facts, and names made safe to print.

pub mod comparison;
pub mod facts;
pub mod lock;
pub mod sizes;
pub mod table;
pub mod text;
