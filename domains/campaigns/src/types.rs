//! Records and states of the room.

mod numbered;
mod row;
mod send;
mod upload;

pub use row::{ChannelSaid, DuePlace, DueRow, FedRow, RowOutcome, RowRecord, RowState, RowTarget, RowVerdict, Said};
pub use send::{
    BulkContent, BulkSend, BulkState, Counted, DeliveryCount, FixedContent, NewBulkSend, Progress, RowCount,
};
pub use upload::{BadLine, RowInput, UploadKey, UploadReport};
