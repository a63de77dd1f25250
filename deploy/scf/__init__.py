"""Deploy the function to Tencent SCF."""
