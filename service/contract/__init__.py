"""The contract with clients: request bodies parsed and checked, answers encoded. No HTTP."""
