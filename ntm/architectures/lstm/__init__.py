"""The LSTM that the paper compares with (Graves et al. 2014, Table 3)."""
