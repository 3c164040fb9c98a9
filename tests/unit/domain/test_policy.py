"""Policy files: what they may say, and whom they ask."""
