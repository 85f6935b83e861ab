sh secrets/delete-from-database.sh
