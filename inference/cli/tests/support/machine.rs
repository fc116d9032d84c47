//! Lock of the machine: a test that measures time or memory holds it alone, a test that loads the machine
//! shares it.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::new(());

/// Waits until no other test of this binary loads the machine, and keeps them waiting.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Waits while a test needs the machine alone, and keeps such tests waiting.
pub(crate) fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}
