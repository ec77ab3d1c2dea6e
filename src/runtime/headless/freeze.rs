//! freeze, unfreeze: promotions into an environment are stopped, and allowed again.

use color_eyre::eyre::{OptionExt as _, Result};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::checklist::{Reach, about, named, state};
use super::driver::Driver;
use crate::cli::Exit;
use crate::cli::args::{FreezeArgs, Unfreeze};

pub(super) async fn freeze(driver: &mut Driver, what: &FreezeArgs) -> Result<Exit> {
    let env = match named(driver, Some(&what.env)) {
        Ok(env) => env,
        Err(exit) => return Ok(exit),
    };
    let now = Timestamp::now();
    let until =
        what.until.map(|until| until.moment(now, &TimeZone::system()).ok_or_eyre("the calendar has no such time"));
    let until = until.transpose()?;
    if !about(driver, &env).await? {
        return Ok(Exit::Blind);
    }
    let stated = driver.core.freeze(&env, until, &what.note);
    state(driver, &env, stated, "frozen", Reach::Everybody).await
}

pub(super) async fn unfreeze(driver: &mut Driver, what: &Unfreeze) -> Result<Exit> {
    let env = match named(driver, Some(&what.env)) {
        Ok(env) => env,
        Err(exit) => return Ok(exit),
    };
    if !about(driver, &env).await? {
        return Ok(Exit::Blind);
    }
    let stated = driver.core.unfreeze(&env, &what.note);
    state(driver, &env, stated, "ended", Reach::Everybody).await
}
