//! Ending a running query from outside, over a second connection that is protected as the first one is.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::CancelToken;

use super::attempt::{Place, open_for_cancel};
use super::error::ConnectError;
use super::wire::AlreadyDone;
use crate::conninfo::ConnInfo;

/// Asks the server to end what a session is running.
#[derive(Clone)]
pub struct Canceller {
    pub(super) conninfo: Arc<ConnInfo>,
    pub(super) place: Place,
    pub(super) token: CancelToken,
    pub(super) is_encrypted: bool,
    pub(super) limit: Option<Duration>,
}

impl Canceller {
    /// Sends the request. That it arrived does not mean that there was something to end.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the request could not be sent.
    pub async fn cancel(&self) -> Result<(), ConnectError> {
        let host = self.place.host.to_string();
        super::within(self.limit, &host, async {
            let wire = open_for_cancel(&self.conninfo, &self.place, self.is_encrypted).await?;
            let sent = self.token.cancel_query_raw(wire, AlreadyDone).await;
            sent.map_err(|error| ConnectError::Closed {
                host: host.clone(),
                reason: super::classify::innermost(&error),
            })
        })
        .await
    }
}
