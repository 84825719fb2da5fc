"""采集与清洗: where licences come from (scans, windows, approval data, other repositories) and what survives."""
