<?php
header('Content-Type: text/plain');
echo $_SERVER['REQUEST_METHOD'], " ", $_GET['q'] ?? 'nothing', "\n";
