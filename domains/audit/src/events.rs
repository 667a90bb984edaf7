//! What the trail tells others: nothing. Its rows are the news.
